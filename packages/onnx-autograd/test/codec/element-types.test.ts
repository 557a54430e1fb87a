import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { TensorProto_DataType, TensorProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { type ElementType, elementTypes } from '../../src/codec/element-types.js';
import type { Tensor } from '../../src/codec/model.js';
import { readModel } from '../../src/codec/read-model.js';
import { makeTensor, readTensorValues } from '../../src/codec/tensor-values.js';
import { modelToBytes } from '../../src/codec/write-model.js';
import { OnnxAutogradError } from '../../src/errors.js';
import { expectSameModel, parseModel } from './support/independent-reader.js';
import { bytesOf, makeModel } from './support/made-models.js';

type TensorInit = MessageInitShape<typeof TensorProtoSchema>;

/** One tensor of each type as raw data, as typed data, and the numbers that it holds. */
interface ElementCase {
  readonly raw: readonly number[] | undefined;
  readonly typed: TensorInit;
  readonly dims: readonly bigint[];
  /** `undefined` where no numbers are read. */
  readonly values: readonly number[] | undefined;
}

// Bytes and values are worked out by hand from the formats' definitions.
const cases: Readonly<Record<ElementType, ElementCase>> = {
  float32: {
    dims: [2n],
    raw: [0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0],
    typed: { floatData: [1, -2.5] },
    values: [1, -2.5],
  },
  float64: {
    dims: [1n],
    raw: [0, 0, 0, 0, 0, 0, 0xf8, 0x3f],
    typed: { doubleData: [1.5] },
    values: [1.5],
  },
  float16: {
    dims: [2n],
    raw: [0x00, 0x3c, 0x00, 0xc1],
    typed: { int32Data: [0x3c00, 0xc100] },
    values: [1, -2.5],
  },
  bfloat16: {
    dims: [2n],
    raw: [0x80, 0x3f, 0x20, 0xc0],
    typed: { int32Data: [0x3f80, 0xc020] },
    values: [1, -2.5],
  },
  float8e4m3fn: {
    dims: [2n],
    raw: [0x38, 0xb8],
    typed: { int32Data: [0x38, 0xb8] },
    values: [1, -1],
  },
  float8e4m3fnuz: {
    dims: [2n],
    raw: [0x40, 0xc0],
    typed: { int32Data: [0x40, 0xc0] },
    values: [1, -1],
  },
  float8e5m2: {
    dims: [2n],
    raw: [0x3c, 0xbc],
    typed: { int32Data: [0x3c, 0xbc] },
    values: [1, -1],
  },
  float8e5m2fnuz: {
    dims: [2n],
    raw: [0x40, 0xc0],
    typed: { int32Data: [0x40, 0xc0] },
    values: [1, -1],
  },
  float8e8m0: { dims: [2n], raw: [127, 130], typed: { int32Data: [127, 130] }, values: [1, 8] },
  float4e2m1: {
    dims: [3n],
    raw: [0xa2, 0x07],
    typed: { int32Data: [0xa2, 0x07] },
    values: [1, -1, 6],
  },
  uint8: { dims: [2n], raw: [0, 255], typed: { int32Data: [0, 255] }, values: [0, 255] },
  int8: { dims: [2n], raw: [127, 128], typed: { int32Data: [127, -128] }, values: [127, -128] },
  uint16: { dims: [1n], raw: [255, 255], typed: { int32Data: [65_535] }, values: [65_535] },
  int16: { dims: [1n], raw: [0, 128], typed: { int32Data: [-32_768] }, values: [-32_768] },
  int32: {
    dims: [1n],
    raw: [0, 0, 0, 128],
    typed: { int32Data: [-(2 ** 31)] },
    values: [-(2 ** 31)],
  },
  uint32: {
    dims: [1n],
    raw: [255, 255, 255, 255],
    typed: { uint64Data: [2n ** 32n - 1n] },
    values: [2 ** 32 - 1],
  },
  int64: {
    dims: [2n],
    raw: [254, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 16, 0],
    typed: { int64Data: [-2n, 2n ** 52n] },
    values: [-2, 2 ** 52],
  },
  uint64: {
    dims: [1n],
    raw: [0, 0, 0, 0, 0, 0, 0, 128],
    typed: { uint64Data: [2n ** 63n] },
    values: [2 ** 63],
  },
  bool: { dims: [2n], raw: [1, 0], typed: { int32Data: [1, 0] }, values: [1, 0] },
  int4: { dims: [3n], raw: [0x87, 0x0f], typed: { int32Data: [0x87, 0x0f] }, values: [7, -8, -1] },
  uint4: { dims: [3n], raw: [0x87, 0x0f], typed: { int32Data: [0x87, 0x0f] }, values: [7, 8, 15] },
  int2: {
    dims: [5n],
    raw: [0b11100100, 0b01],
    typed: { int32Data: [0b11100100, 1] },
    values: [0, 1, -2, -1, 1],
  },
  uint2: {
    dims: [5n],
    raw: [0b11100100, 0b01],
    typed: { int32Data: [0b11100100, 1] },
    values: [0, 1, 2, 3, 1],
  },
  complex64: {
    dims: [1n],
    raw: [0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0],
    typed: { floatData: [1, -2.5] },
    values: undefined,
  },
  complex128: {
    dims: [1n],
    raw: [0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0],
    typed: { doubleData: [1.5, 0] },
    values: undefined,
  },
  string: {
    dims: [2n],
    raw: undefined,
    typed: { stringData: [Uint8Array.of(0x61), Uint8Array.of(0xff, 0)] },
    values: undefined,
  },
};

// Object.entries widens the keys of a literal object to string.
const all = Object.entries(cases) as [ElementType, ElementCase][];

function readOne(tensor: TensorInit): Tensor {
  const bytes = bytesOf(makeModel({ initializer: [tensor] }));
  const model = readModel(bytes);
  expectSameModel(parseModel(modelToBytes(model)), parseModel(bytes));
  return model.graph.initializers[0] as Tensor;
}

it('knows every type of the independent reader', () => {
  const codes = Object.values(TensorProto_DataType).filter((code) => typeof code === 'number');
  const known = Object.values(elementTypes).map(({ code }) => code as number);
  expect([0, ...known].sort((a, b) => a - b)).toEqual([...codes].sort((a, b) => a - b));
});

describe.each(all)('%s', (type, { dims, raw, typed, values }) => {
  const head: TensorInit = { name: 't', dims: [...dims], dataType: elementTypes[type].code };

  it('round-trips and is read as typed data, packed and one by one', () => {
    expect(readTensorValues(readOne({ ...head, ...typed } as TensorInit), undefined)).toEqual(
      values,
    );
    const unpacked = unpackedTensor(head, typed);
    // A TensorProto within the model: field 5 of the graph, which is field 7.
    const graph = new BinaryWriter().tag(5, WireType.LengthDelimited).bytes(unpacked).finish();
    const bytes = new BinaryWriter().tag(7, WireType.LengthDelimited).bytes(graph).finish();
    const model = readModel(bytes);
    expectSameModel(parseModel(modelToBytes(model)), parseModel(bytes));
    const tensor = model.graph.initializers[0] as Tensor;
    expect(tensor.type).toBe(type);
    expect(readTensorValues(tensor, undefined)).toEqual(values);
  });

  it('refuses one element more or fewer', () => {
    const [first = 0n] = dims;
    for (const size of [first - 1n, first + 4n]) {
      if (raw !== undefined) {
        const wrong = { ...head, dims: [size], rawData: Uint8Array.from(raw) } as TensorInit;
        // Packed types round up to whole bytes: one element fewer may take as many.
        const bits = elementTypes[type].bits;
        if (Math.ceil((Number(size) * bits) / 8) !== raw.length) {
          expect(() => readOne(wrong)).toThrow(OnnxAutogradError);
        }
      }
      // Varints are counted when they are read, and not before.
      expect(() => {
        const tensor = readOne({ ...head, ...typed, dims: [size * 8n] } as TensorInit);
        if (values !== undefined) readTensorValues(tensor, undefined);
      }).toThrow(OnnxAutogradError);
    }
  });
});

it.each(all.filter(([, { raw }]) => raw !== undefined))(
  '%s round-trips and is read as raw data',
  (type, { dims, raw, values }) => {
    const tensor = readOne({
      dims: [...dims],
      dataType: elementTypes[type].code,
      rawData: Uint8Array.from(raw ?? []),
    });
    expect(tensor.type).toBe(type);
    expect(readTensorValues(tensor, undefined)).toEqual(values);
  },
);

/** The same tensor with a tag before each element, as writers of proto2 files do it. */
function unpackedTensor(head: TensorInit, typed: TensorInit): Uint8Array {
  const writer = new BinaryWriter();
  writer.raw(toBinary(TensorProtoSchema, create(TensorProtoSchema, head)));
  const { floatData, doubleData, int32Data, int64Data, uint64Data, stringData } = create(
    TensorProtoSchema,
    typed,
  );
  for (const value of floatData) writer.tag(4, WireType.Bit32).float(value);
  for (const value of int32Data) writer.tag(5, WireType.Varint).int32(value);
  for (const value of stringData) writer.tag(6, WireType.LengthDelimited).bytes(value);
  for (const value of int64Data) writer.tag(7, WireType.Varint).int64(value);
  for (const value of doubleData) writer.tag(10, WireType.Bit64).double(value);
  for (const value of uint64Data) writer.tag(11, WireType.Varint).uint64(value);
  return writer.finish();
}

describe('makeTensor', () => {
  it.each(all.filter(([type, { values }]) => values !== undefined && !/^float[48]/.test(type)))(
    'makes the bytes of %s',
    (type, { dims, raw, values }) => {
      const tensor = makeTensor('t', type, dims.map(Number), values ?? []);
      if (tensor.data.kind !== 'raw') throw new Error('expected raw data');
      const { source, offset, length } = tensor.data.range;
      expect([...source.read(offset, length)]).toEqual(raw);
    },
  );

  it.each([
    ['int4', 8],
    ['uint8', -1],
    ['int64', 0.5],
    ['int32', Number.NaN],
    ['int64', 2 ** 63],
  ] as const)('refuses a value that %s cannot hold: %d', (type, value) => {
    expect(() => makeTensor('t', type, [1], [value])).toThrow(/must be whole numbers/);
  });

  it('refuses values that do not fill the shape', () => {
    expect(() => makeTensor('t', 'float32', [2, 2], [1])).toThrow(/expected 4 values, got 1/);
  });

  it('refuses types that no constant has', () => {
    expect(() => makeTensor('t', 'float8e5m2', [1], [1])).toThrow(/not made here/);
  });
});

describe('readTensorValues', () => {
  it('leaves weights alone', () => {
    const bytes = new Uint8Array(4 * 65_537);
    const tensor = readOne({ dims: [65_537n], dataType: 1, rawData: bytes });
    expect(readTensorValues(tensor, undefined)).toBeUndefined();
  });

  it('reads a scalar and an empty tensor', () => {
    expect(readTensorValues(readOne({ dataType: 7, int64Data: [3n] }), undefined)).toEqual([3]);
    expect(readTensorValues(readOne({ dataType: 7, dims: [0n] }), undefined)).toEqual([]);
  });
});
