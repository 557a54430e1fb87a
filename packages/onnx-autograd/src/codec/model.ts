import type { ByteRange } from './byte-source.js';
import type { ElementType } from './element-types.js';

/**
 * A parsed ONNX model: plain data, treated as immutable by every function of this package.
 *
 * Fields that this package does not interpret are kept as the bytes they were read from (`other`), so
 * that a model which is read and written again loses nothing.
 */
export interface OnnxModel {
  /** 0 if the file does not say. */
  readonly irVersion: number;
  /** Version of each operator set by domain; `''` is ai.onnx. */
  readonly opsetImports: ReadonlyMap<string, number>;
  readonly graph: Graph;
  readonly metadata: ReadonlyMap<string, string>;
  /** Folder that external data is relative to; `undefined` for a model made or read in memory. */
  readonly directory: string | undefined;
  readonly other: readonly ByteRange[];
  /** Fields of the entries of `opsetImports` that are not interpreted, by domain. */
  readonly opsetFields?: EntryFields;
  /** Fields of the entries of `metadata` that are not interpreted, by key. */
  readonly metadataFields?: EntryFields;
}

/** Fields of key-value messages that this package does not interpret, by key. */
export type EntryFields = ReadonlyMap<string, readonly ByteRange[]>;

export interface Graph {
  readonly name: string;
  /** In topological order, as ONNX demands. */
  readonly nodes: readonly GraphNode[];
  readonly initializers: readonly Tensor[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly valueInfo: readonly ValueInfo[];
  readonly other: readonly ByteRange[];
}

export interface GraphNode {
  readonly name: string;
  readonly operator: string;
  /** `''` is ai.onnx (the alias `ai.onnx` is read as `''`). */
  readonly domain: string;
  /** Value names; `''` marks an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly Attribute[];
  readonly other: readonly ByteRange[];
}

export interface Attribute {
  readonly name: string;
  readonly value: AttributeValue;
  readonly other: readonly ByteRange[];
}

export type AttributeValue =
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'int'; readonly value: bigint }
  /** Bytes, since ONNX strings need not be UTF-8. */
  | { readonly kind: 'string'; readonly value: Uint8Array }
  | { readonly kind: 'tensor'; readonly value: Tensor }
  | { readonly kind: 'graph'; readonly value: Graph }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'ints'; readonly value: readonly bigint[] }
  | { readonly kind: 'strings'; readonly value: readonly Uint8Array[] }
  | { readonly kind: 'tensors'; readonly value: readonly Tensor[] }
  | { readonly kind: 'graphs'; readonly value: readonly Graph[] }
  /**
   * Sparse tensors, types, references to function attributes, kinds of a later ONNX: every field is kept
   * in `other` and none is interpreted. `type` is 0 if the file does not say.
   */
  | { readonly kind: 'opaque'; readonly type: number };

export interface Tensor {
  readonly name: string;
  /** `undefined` for a type code that this package does not know; such a tensor is kept as it is. */
  readonly type: ElementType | undefined;
  readonly typeCode: number;
  readonly dims: readonly number[];
  readonly data: TensorData;
  readonly other: readonly ByteRange[];
}

/** Where the elements of a tensor are. They are read only when asked for. */
export type TensorData =
  /** Little-endian elements, `raw_data` of the file or bytes made by this package. */
  | { readonly kind: 'raw'; readonly range: ByteRange }
  /**
   * Fields `float_data`, `int32_data`, `int64_data`, `double_data`, `uint64_data` or `string_data` as
   * encoded, tags included; a range may hold several.
   */
  | { readonly kind: 'fields'; readonly ranges: readonly ByteRange[] }
  | {
      readonly kind: 'external';
      /** Path relative to the model's folder. */
      readonly location: string;
      readonly offset: number;
      /** `undefined` means as many as type and shape need; up to the end of the file if the type is unknown. */
      readonly length: number | undefined;
      /** Other entries, such as `checksum`. */
      readonly entries: ReadonlyMap<string, string>;
      /** Fields of the entries that are not interpreted, by key. */
      readonly entryFields?: EntryFields;
    };

/** A size: a number, or the name of a size that is known only at run time. */
export type Dimension = number | string;

export interface ValueInfo {
  readonly name: string;
  /** `undefined` for sequences, maps, optionals and unknown types. */
  readonly type: ElementType | undefined;
  /** `undefined` when the rank is not known; `''` for a dimension without size or name. */
  readonly shape: readonly Dimension[] | undefined;
  /** The encoded TypeProto that was read: written back as it is. */
  readonly encodedType: ByteRange | undefined;
  readonly other: readonly ByteRange[];
}

/** Name by which to speak of a node: its own, or its first output's. */
export function describeNode(node: GraphNode): string {
  return node.name !== ''
    ? node.name
    : (node.outputs.find((output) => output !== '') ?? '(unnamed)');
}

/** Operator with its domain, such as `com.microsoft.QuickGelu` or `MatMul`. */
export function describeOperator(operator: string, domain: string): string {
  return domain === '' ? operator : `${domain}.${operator}`;
}
