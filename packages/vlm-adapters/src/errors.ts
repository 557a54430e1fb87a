/** What went wrong, as a closed set, so that callers can branch without reading messages. */
export type VlmErrorCode =
  /** An argument is wrong: the message names it, what was expected and what was given. */
  | 'invalid-argument'
  /** A file of the model is missing, unreadable or not what its name says. */
  | 'model-file'
  /** The model's `model_type` is in no family's list. */
  | 'unknown-family'
  /** A picture cannot be read, or is beyond the limits. */
  | 'image'
  /** Messages that the chat template or the family cannot take. */
  | 'prompt'
  /** The prompt with what should follow is longer than the model's context. */
  | 'context-length'
  /** An image placeholder that does not belong to an image, or images and placeholders that do not match. */
  | 'image-tokens'
  /** Adapter files that are broken, hostile, or made for another model. */
  | 'adapter'
  /** The model or server does not offer what was asked. */
  | 'unsupported'
  /** A number that must be finite is not. */
  | 'not-finite'
  /** A batch of one sequence does not fit the memory budget. */
  | 'memory'
  /** A file would have to be downloaded, and that is not allowed or failed. */
  | 'download'
  /** A server answered with an error, or with something that is no answer; see `cause`. */
  | 'server'
  /** A server did not answer in time. */
  | 'timeout'
  /** ONNX Runtime failed; see `cause`. */
  | 'runtime'
  /** The model was used after it had been disposed. */
  | 'disposed';

/** The one error class of this package. */
export class VlmError extends Error {
  override readonly name: string = 'VlmError';
  readonly code: VlmErrorCode;

  constructor(code: VlmErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
  }
}
