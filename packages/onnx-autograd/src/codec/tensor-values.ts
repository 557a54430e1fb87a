import { OnnxAutogradError } from '../errors.js';
import { memoryRange, readRange } from './byte-source.js';
import { byteLengthOf, type ElementType, elementTypes } from './element-types.js';
import { externalRange } from './external-data.js';
import type { Tensor } from './model.js';
import { WireReader } from './wire-reader.js';

/** Tensors above this many elements are weights, not constants to compute with. */
const maximumElements = 1 << 16;

/**
 * Reads the elements of a small numeric tensor as numbers (64-bit integers above 2^53 lose precision).
 *
 * @param directory Folder that external data is relative to.
 * @returns `undefined` for a tensor that is not numeric or has more than 65,536 elements.
 */
export function readTensorValues(
  tensor: Tensor,
  directory: string | undefined,
): number[] | undefined {
  const { type } = tensor;
  const count = tensor.dims.reduce((product, dimension) => product * dimension, 1);
  if (type === undefined || type === 'string' || count > maximumElements) return undefined;
  if (tensor.data.kind === 'fields') return readFields(tensor, type, count);
  const range = tensor.data.kind === 'raw' ? tensor.data.range : externalRange(tensor, directory);
  if (range.length !== byteLengthOf(type, count)) {
    throw new OnnxAutogradError(
      'malformed-model',
      `Tensor "${tensor.name}" of type ${type} and shape [${tensor.dims.join(', ')}] needs ${byteLengthOf(type, count)} bytes and holds ${range.length}.`,
      { byteOffset: range.offset },
    );
  }
  return decodeElements(readRange(range), type, count);
}

/** Makes a tensor from numbers, for constants that this package adds to a graph. */
export function makeTensor(
  name: string,
  type: ElementType,
  dims: readonly number[],
  values: readonly number[],
): Tensor {
  const bytes = new Uint8Array(byteLengthOf(type, values.length));
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) writeElement(view, index, type, value);
  return {
    name,
    type,
    typeCode: elementTypes[type].code,
    dims,
    data: { kind: 'raw', range: memoryRange(bytes) },
    other: [],
  };
}

/** Makes a tensor from little-endian bytes, which are kept and not copied. */
export function makeRawTensor(
  name: string,
  type: ElementType,
  dims: readonly number[],
  bytes: Uint8Array,
): Tensor {
  const data = { kind: 'raw', range: memoryRange(bytes) } as const;
  return { name, type, typeCode: elementTypes[type].code, dims, data, other: [] };
}

/** IEEE 754 half precision to a number. */
export function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** A number to IEEE 754 half precision, rounding to nearest even. */
export function numberToFloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | roundHalfToEven(magnitude * 2 ** 24);
  const exponent = Math.floor(Math.log2(magnitude));
  // Math.log2 may be off by one next to a power of two.
  const scale =
    magnitude / 2 ** exponent >= 2
      ? exponent + 1
      : magnitude < 2 ** exponent
        ? exponent - 1
        : exponent;
  const fraction = roundHalfToEven((magnitude / 2 ** scale - 1) * 1024);
  return sign | (((scale + 15) << 10) + fraction);
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

function readFields(tensor: Tensor, type: ElementType, count: number): number[] | undefined {
  if (tensor.data.kind !== 'fields') return undefined;
  const values: number[] = [];
  for (const range of tensor.data.ranges) {
    const reader = new WireReader(range.source, range.offset, range.offset + range.length);
    const { field, wireType } = reader.tag();
    if (field === 6) return undefined;
    reader.packed(wireType, (inner) => {
      if (values.length > count)
        inner.fail(`tensor "${tensor.name}" holds more than ${count} elements`);
      if (field === 4) values.push(inner.float32());
      else if (field === 10) values.push(float64(inner.bytes(8)));
      else values.push(Number(inner.int64()));
    });
  }
  if (type === 'float16') return values.map(float16ToNumber);
  if (type === 'bfloat16') return values.map(bfloat16ToNumber);
  if (elementTypes[type].bits < 8) return undefined;
  if (values.length !== count) {
    throw new OnnxAutogradError(
      'malformed-model',
      `Tensor "${tensor.name}" of shape [${tensor.dims.join(', ')}] needs ${count} elements and holds ${values.length}.`,
    );
  }
  return values;
}

function float64(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true);
}

function bfloat16ToNumber(bits: number): number {
  return new Float32Array(new Uint32Array([bits << 16]).buffer)[0] as number;
}

function decodeElements(bytes: Uint8Array, type: ElementType, count: number): number[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = elementReaders[type];
  if (read === undefined) return undefined;
  return Array.from({ length: count }, (_, index) => read(view, index));
}

const elementReaders: Partial<Record<ElementType, (view: DataView, index: number) => number>> = {
  float32: (view, index) => view.getFloat32(index * 4, true),
  float64: (view, index) => view.getFloat64(index * 8, true),
  float16: (view, index) => float16ToNumber(view.getUint16(index * 2, true)),
  bfloat16: (view, index) => bfloat16ToNumber(view.getUint16(index * 2, true)),
  int64: (view, index) => Number(view.getBigInt64(index * 8, true)),
  uint64: (view, index) => Number(view.getBigUint64(index * 8, true)),
  int32: (view, index) => view.getInt32(index * 4, true),
  uint32: (view, index) => view.getUint32(index * 4, true),
  int16: (view, index) => view.getInt16(index * 2, true),
  uint16: (view, index) => view.getUint16(index * 2, true),
  int8: (view, index) => view.getInt8(index),
  uint8: (view, index) => view.getUint8(index),
  bool: (view, index) => view.getUint8(index),
};

function writeElement(view: DataView, index: number, type: ElementType, value: number): void {
  switch (type) {
    case 'float32':
      return view.setFloat32(index * 4, value, true);
    case 'float64':
      return view.setFloat64(index * 8, value, true);
    case 'float16':
      return view.setUint16(index * 2, numberToFloat16(value), true);
    case 'bfloat16': {
      const bits = new Uint32Array(Float32Array.of(value).buffer)[0] as number;
      // Round to nearest, ties to even.
      return view.setUint16(index * 2, (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16, true);
    }
    case 'int64':
      return view.setBigInt64(index * 8, BigInt(value), true);
    case 'int32':
      return view.setInt32(index * 4, value, true);
    case 'uint8':
    case 'bool':
      return view.setUint8(index, value);
    case 'int8':
      return view.setInt8(index, value);
    case 'uint4':
    case 'int4': {
      const byte = view.getUint8(index >> 1);
      return view.setUint8(index >> 1, byte | ((value & 15) << (index % 2 === 0 ? 0 : 4)));
    }
    default:
      throw new OnnxAutogradError('unsupported', `Constants of type ${type} are not made here.`);
  }
}
