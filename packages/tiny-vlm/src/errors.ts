/** Why the package refused; stable, unlike the messages. */
export type TinyVlmErrorCode = 'unknown-model' | 'missing-files' | 'invalid-argument';

/** The one error class of the package. */
export class TinyVlmError extends Error {
  override readonly name = 'TinyVlmError';
  readonly code: TinyVlmErrorCode;

  constructor(code: TinyVlmErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}
