/** What went wrong, as a closed set, so that callers can branch without reading messages. */
export type OnnxAutogradErrorCode =
  /** The bytes are not a well-formed ONNX model; the message holds the byte offset. */
  | 'malformed-model'
  /** A file is missing, unreadable or shorter than the model says; the message holds the path. */
  | 'file'
  /** External data would leave the model's folder. */
  | 'external-path'
  /** An argument is wrong: the message names it, what was expected and what was given. */
  | 'invalid-argument'
  /** A name is not in the graph. */
  | 'unknown-name'
  /** An operator on the path from `wrt` to the outputs has no gradient rule. */
  | 'missing-rule'
  /** An operator is known, but not with these attributes, inputs or element types. */
  | 'unsupported'
  /** No differentiable path leads from a `wrt` name to an output. */
  | 'no-path'
  /** ONNX Runtime refused the model or failed while running it; see `cause`. */
  | 'runtime'
  /** The session was used after it had been disposed. */
  | 'disposed';

/** Fields that say where an error happened; each is absent when it does not apply. */
export interface OnnxAutogradErrorDetails {
  readonly cause?: unknown;
  /** Position in the model file, in bytes. */
  readonly byteOffset?: number;
  readonly path?: string;
  /** Operator type, such as `MatMul`. */
  readonly operator?: string;
  /** Operator domain; `''` is ai.onnx. */
  readonly domain?: string;
  /** Node name in the graph, or its first output when it has no name. */
  readonly node?: string;
}

/** The one error class of this package. */
export class OnnxAutogradError extends Error {
  override readonly name: string = 'OnnxAutogradError';
  readonly code: OnnxAutogradErrorCode;
  readonly byteOffset: number | undefined;
  readonly path: string | undefined;
  readonly operator: string | undefined;
  readonly domain: string | undefined;
  readonly node: string | undefined;

  constructor(
    code: OnnxAutogradErrorCode,
    message: string,
    details: OnnxAutogradErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.byteOffset = details.byteOffset;
    this.path = details.path;
    this.operator = details.operator;
    this.domain = details.domain;
    this.node = details.node;
  }
}

/** Formats a list of known names for an error message, cut to a readable length. */
export function listNames(names: Iterable<string>, limit = 20): string {
  const all = [...names];
  if (all.length === 0) return '(none)';
  const shown = all.slice(0, limit).join(', ');
  return all.length > limit ? `${shown}, … (${all.length} in all)` : shown;
}
