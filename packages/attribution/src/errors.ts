/** What went wrong, as a closed list that a program can branch on. */
export type AttributionErrorCode =
  | 'bad-input'
  | 'bad-option'
  | 'unknown-name'
  | 'unsupported'
  | 'model-failed'
  | 'model-output'
  | 'non-finite'
  | 'degenerate'
  | 'overlapping-players'
  | 'settings-mismatch'
  | 'bad-file';

/** The only error class of this package; a cancelled run throws the signal's own `AbortError` instead. */
export class AttributionError extends Error {
  /** Closed union, see {@link AttributionErrorCode}. */
  readonly code: AttributionErrorCode;

  constructor(code: AttributionErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'AttributionError';
    this.code = code;
  }
}
