import { OnnxAutogradError } from '../errors.js';
import { memoryRange, readRange, whileAllOpen } from './byte-source.js';
import { byteLengthOf, type ElementType, elementTypes } from './element-types.js';
import { externalRange } from './external-data.js';
import { type FloatFormatName, floatFormats, floatFromBits, floatToBits } from './float-formats.js';
import type { Tensor, TensorData } from './model.js';
import { typedDataField, typedEntryCount } from './typed-data.js';
import { WireReader } from './wire-reader.js';

/** Tensors above this many elements are weights, not constants to compute with. */
const maximumElements = 1 << 16;

/**
 * Reads the elements of a small numeric tensor as numbers (64-bit integers above 2^53 lose precision).
 *
 * @param directory Folder that external data is relative to.
 * @returns `undefined` for strings, complex numbers, unknown types and more than 65,536 elements.
 * @throws {OnnxAutogradError} `malformed-model` if there are fewer or more elements than the shape says;
 * `file` or `external-path` if they cannot be read.
 */
export function readTensorValues(
  tensor: Tensor,
  directory: string | undefined,
): number[] | undefined {
  const { type, data } = tensor;
  if (type === undefined || !isNumeric(type)) return undefined;
  const count = tensor.dims.reduce((product, dimension) => product * dimension, 1);
  // Stated so that a product that is not a number does not pass either.
  if (!(count <= maximumElements)) return undefined;
  if (data.kind === 'fields') return readFields(tensor, data, type, count);
  const range = data.kind === 'raw' ? data.range : externalRange(tensor, directory);
  const needed = byteLengthOf(type, count);
  if (range.length !== needed) {
    throw new OnnxAutogradError(
      'malformed-model',
      `Tensor "${tensor.name}" of type ${type} and shape [${tensor.dims.join(', ')}] needs ${needed} bytes and has ${range.length}.`,
      { byteOffset: range.offset },
    );
  }
  return elementsOf(readRange(range), type, count);
}

/**
 * Makes a tensor from numbers, for constants that this package adds to a graph.
 *
 * @throws {OnnxAutogradError} `invalid-argument` if the values do not fill the shape or an integer type
 * cannot hold one of them; `unsupported` for types that no constant here has.
 */
export function makeTensor(
  name: string,
  type: ElementType,
  dims: readonly number[],
  values: readonly number[],
): Tensor {
  const count = dims.reduce((product, dimension) => product * dimension, 1);
  if (count !== values.length) {
    throw new OnnxAutogradError(
      'invalid-argument',
      `\`values\` of tensor "${name}" must fill its shape [${dims.join(', ')}], expected ${count} values, got ${values.length}.`,
    );
  }
  const bytes = new Uint8Array(byteLengthOf(type, count));
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) writeElement(view, index, type, value);
  return makeRawTensor(name, type, dims, bytes);
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

function isNumeric(type: ElementType): boolean {
  return type !== 'string' && type !== 'complex64' && type !== 'complex128';
}

function readFields(
  tensor: Tensor,
  { ranges }: Extract<TensorData, { kind: 'fields' }>,
  type: ElementType,
  count: number,
): number[] {
  const expectedField = typedDataField(type);
  const entryCount = typedEntryCount(type, count);
  const entries: number[] = [];
  const readEntry = (reader: WireReader): void => {
    if (entries.length === entryCount) {
      reader.fail(`tensor "${tensor.name}" holds more than ${entryCount} entries`);
    }
    if (expectedField === 4) entries.push(reader.float32());
    else if (expectedField === 10) entries.push(reader.float64());
    else if (expectedField === 11) entries.push(Number(BigInt.asUintN(64, reader.int64())));
    else entries.push(Number(reader.int64()));
  };
  whileAllOpen(new Set(ranges.map(({ source }) => source)), () => {
    for (const { source, offset, length } of ranges) {
      const reader: WireReader = new WireReader(source, offset, offset + length);
      while (!reader.atEnd) {
        const { field, wireType, start } = reader.tag();
        if (field === expectedField) reader.packed(wireType, readEntry);
        else reader.skip(wireType, start);
      }
    }
  });
  if (entries.length !== entryCount) {
    throw new OnnxAutogradError(
      'malformed-model',
      `Tensor "${tensor.name}" of type ${type} and shape [${tensor.dims.join(', ')}] needs ${entryCount} entries and has ${entries.length}.`,
      { byteOffset: ranges[0]?.offset ?? 0 },
    );
  }
  // int32_data holds the bits of small floats and of 4- and 2-bit numbers: read them like raw data.
  const { bits } = elementTypes[type];
  if (bits < 8 || isSmallFloat(type)) {
    const width = bits <= 8 ? 1 : 2;
    const bytes = new Uint8Array(entries.length * width);
    const view = new DataView(bytes.buffer);
    for (const [index, entry] of entries.entries()) {
      if (width === 1) view.setUint8(index, entry);
      else view.setUint16(index * 2, entry, true);
    }
    return elementsOf(bytes, type, count);
  }
  return entries;
}

function isSmallFloat(type: ElementType): type is FloatFormatName | 'float8e8m0' {
  return type in floatFormats || type === 'float8e8m0';
}

function elementsOf(bytes: Uint8Array, type: ElementType, count: number): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, index) => readElement(view, index, type));
}

function readElement(view: DataView, index: number, type: ElementType): number {
  switch (type) {
    case 'float32':
      return view.getFloat32(index * 4, true);
    case 'float64':
      return view.getFloat64(index * 8, true);
    case 'float16':
    case 'bfloat16':
      return floatFromBits(type, view.getUint16(index * 2, true));
    case 'float8e4m3fn':
    case 'float8e4m3fnuz':
    case 'float8e5m2':
    case 'float8e5m2fnuz':
      return floatFromBits(type, view.getUint8(index));
    case 'float8e8m0': {
      const exponent = view.getUint8(index);
      return exponent === 255 ? Number.NaN : 2 ** (exponent - 127);
    }
    case 'float4e2m1':
      return floatFromBits(type, packedBits(view, index, 4));
    case 'int64':
      return Number(view.getBigInt64(index * 8, true));
    case 'uint64':
      return Number(view.getBigUint64(index * 8, true));
    case 'int32':
      return view.getInt32(index * 4, true);
    case 'uint32':
      return view.getUint32(index * 4, true);
    case 'int16':
      return view.getInt16(index * 2, true);
    case 'uint16':
      return view.getUint16(index * 2, true);
    case 'int8':
      return view.getInt8(index);
    case 'uint8':
    case 'bool':
      return view.getUint8(index);
    case 'uint4':
      return packedBits(view, index, 4);
    case 'int4':
      return (packedBits(view, index, 4) << 28) >> 28;
    case 'uint2':
      return packedBits(view, index, 2);
    case 'int2':
      return (packedBits(view, index, 2) << 30) >> 30;
    default:
      throw new Error(`internal: ${type} is not numeric`);
  }
}

/** Elements of fewer than 8 bits fill each byte from its low end. */
function packedBits(view: DataView, index: number, bits: 2 | 4): number {
  const perByte = 8 / bits;
  const byte = view.getUint8(Math.floor(index / perByte));
  return (byte >> (bits * (index % perByte))) & ((1 << bits) - 1);
}

/** Least and greatest value of the integer types that constants are made of. */
const integerRanges: Partial<Record<ElementType, readonly [least: number, greatest: number]>> = {
  int64: [-(2 ** 63), 2 ** 63 - 1024],
  uint64: [0, 2 ** 64 - 2048],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  int16: [-(2 ** 15), 2 ** 15 - 1],
  uint16: [0, 2 ** 16 - 1],
  int8: [-128, 127],
  uint8: [0, 255],
  bool: [0, 1],
  int4: [-8, 7],
  uint4: [0, 15],
  int2: [-2, 1],
  uint2: [0, 3],
};

function writeElement(view: DataView, index: number, type: ElementType, value: number): void {
  const range = integerRanges[type];
  if (range !== undefined && !(Number.isInteger(value) && value >= range[0] && value <= range[1])) {
    throw new OnnxAutogradError(
      'invalid-argument',
      `\`values\` of type ${type} must be whole numbers from ${range[0]} to ${range[1]}, got ${value}.`,
    );
  }
  switch (type) {
    case 'float32':
      view.setFloat32(index * 4, value, true);
      break;
    case 'float64':
      view.setFloat64(index * 8, value, true);
      break;
    case 'float16':
    case 'bfloat16':
      view.setUint16(index * 2, floatToBits(type, value), true);
      break;
    case 'int64':
    case 'uint64':
      view.setBigInt64(index * 8, BigInt.asIntN(64, BigInt(value)), true);
      break;
    case 'int32':
    case 'uint32':
      view.setInt32(index * 4, value, true);
      break;
    case 'int16':
    case 'uint16':
      view.setInt16(index * 2, value, true);
      break;
    case 'int8':
    case 'uint8':
    case 'bool':
      view.setInt8(index, value);
      break;
    case 'int4':
    case 'uint4':
      writePackedBits(view, index, 4, value);
      break;
    case 'int2':
    case 'uint2':
      writePackedBits(view, index, 2, value);
      break;
    default:
      throw new OnnxAutogradError('unsupported', `Constants of type ${type} are not made here.`);
  }
}

function writePackedBits(view: DataView, index: number, bits: 2 | 4, value: number): void {
  const perByte = 8 / bits;
  const place = Math.floor(index / perByte);
  const shift = bits * (index % perByte);
  view.setUint8(place, view.getUint8(place) | ((value & ((1 << bits) - 1)) << shift));
}
