/** Every code a {@link VqaToolError} can carry; a closed set, so that callers can switch on it. */
export type VqaToolErrorCode =
  | 'bad-argument'
  | 'bad-box'
  | 'bad-image'
  | 'bad-metadata'
  | 'bad-row'
  | 'image-too-large'
  | 'judge-failed'
  | 'limit-exceeded'
  | 'missing-package'
  | 'unknown-format'
  | 'unknown-label'
  | 'unknown-tool'
  | 'unsupported';

/**
 * The one error class of this package. The message says what was wrong, what was expected, what
 * was got and what to do; `code` is for programs.
 */
export class VqaToolError extends Error {
  override readonly name = 'VqaToolError';
  readonly code: VqaToolErrorCode;

  constructor(code: VqaToolErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
  }
}

/** The text of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
