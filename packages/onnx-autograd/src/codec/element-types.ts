/** Name of a tensor element type. */
export type ElementType =
  | 'float32'
  | 'uint8'
  | 'int8'
  | 'uint16'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'string'
  | 'bool'
  | 'float16'
  | 'float64'
  | 'uint32'
  | 'uint64'
  | 'complex64'
  | 'complex128'
  | 'bfloat16'
  | 'float8e4m3fn'
  | 'float8e4m3fnuz'
  | 'float8e5m2'
  | 'float8e5m2fnuz'
  | 'uint4'
  | 'int4'
  | 'float4e2m1'
  | 'float8e8m0'
  | 'uint2'
  | 'int2';

/** Code and size of an element type. */
export interface ElementTypeInfo {
  /** TensorProto.DataType. */
  readonly code: number;
  /** Size of one element in raw data. */
  readonly bits: number;
  /** Whether gradients flow through values of this type. */
  readonly floating: boolean;
}

/**
 * Tensor element types of ONNX (TensorProto.DataType) with their size.
 *
 * `bits` is the size of one element in raw data; 4- and 2-bit types are packed, low bits first.
 * A size of 0 marks strings, which never lie in raw data.
 *
 * @see https://onnx.ai/onnx/api/classes.html#tensorproto
 */
export const elementTypes: Readonly<Record<ElementType, ElementTypeInfo>> = {
  float32: { code: 1, bits: 32, floating: true },
  uint8: { code: 2, bits: 8, floating: false },
  int8: { code: 3, bits: 8, floating: false },
  uint16: { code: 4, bits: 16, floating: false },
  int16: { code: 5, bits: 16, floating: false },
  int32: { code: 6, bits: 32, floating: false },
  int64: { code: 7, bits: 64, floating: false },
  string: { code: 8, bits: 0, floating: false },
  bool: { code: 9, bits: 8, floating: false },
  float16: { code: 10, bits: 16, floating: true },
  float64: { code: 11, bits: 64, floating: true },
  uint32: { code: 12, bits: 32, floating: false },
  uint64: { code: 13, bits: 64, floating: false },
  complex64: { code: 14, bits: 64, floating: false },
  complex128: { code: 15, bits: 128, floating: false },
  bfloat16: { code: 16, bits: 16, floating: true },
  float8e4m3fn: { code: 17, bits: 8, floating: false },
  float8e4m3fnuz: { code: 18, bits: 8, floating: false },
  float8e5m2: { code: 19, bits: 8, floating: false },
  float8e5m2fnuz: { code: 20, bits: 8, floating: false },
  uint4: { code: 21, bits: 4, floating: false },
  int4: { code: 22, bits: 4, floating: false },
  float4e2m1: { code: 23, bits: 4, floating: false },
  float8e8m0: { code: 24, bits: 8, floating: false },
  uint2: { code: 25, bits: 2, floating: false },
  int2: { code: 26, bits: 2, floating: false },
};

const nameByCode = new Map<number, ElementType>(
  // Object.entries widens the keys of a literal object to string.
  Object.entries(elementTypes).map(([name, { code }]) => [code, name as ElementType]),
);

/** The element type with this TensorProto.DataType code, or `undefined` for codes that are not known. */
export function elementTypeOfCode(code: number): ElementType | undefined {
  return nameByCode.get(code);
}

/** Whether gradients flow through values of this type. */
export function isFloating(type: ElementType): boolean {
  return elementTypes[type].floating;
}

/** Bytes that `count` elements take in raw data; packed types round up to whole bytes. */
export function byteLengthOf(type: ElementType, count: number): number {
  return Math.ceil((count * elementTypes[type].bits) / 8);
}
