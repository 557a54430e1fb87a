import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { describe, expect, it } from 'vitest';
import { readModel } from '../../src/codec/read-model.js';
import { readTensorValues } from '../../src/codec/tensor-values.js';
import { modelToBytes } from '../../src/codec/write-model.js';
import { OnnxAutogradError } from '../../src/errors.js';
import { bytesOf, makeFullModel, makeModel } from './support/made-models.js';

function refusalOf(bytes: Uint8Array): OnnxAutogradError {
  try {
    readModel(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(OnnxAutogradError);
    return error as OnnxAutogradError;
  }
  throw new Error('the bytes were accepted');
}

/** A length-delimited field. */
function field(number: number, content: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(
    new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(content).finish(),
  );
}

/** A length-delimited field that says it is `length` bytes long, with nothing behind. */
function promise(number: number, length: string): Uint8Array {
  return new BinaryWriter().tag(number, WireType.LengthDelimited).uint64(length).finish();
}

const bytes = (...values: number[]): Uint8Array<ArrayBuffer> => Uint8Array.from(values);

const inGraph = (content: Uint8Array): Uint8Array<ArrayBuffer> => field(7, content);

const inTensor = (content: Uint8Array): Uint8Array => inGraph(field(5, content));

/** dims as a packed field. */
const dims = (...sizes: (string | number)[]): Uint8Array => {
  const content = new BinaryWriter();
  for (const size of sizes) content.uint64(size);
  return field(1, content.finish());
};

const float32 = bytes(0x10, 1);

const join = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

describe('bytes that are no model', () => {
  it.each([
    ['nothing', bytes(), /holds no graph/],
    ['text', Buffer.from('<!DOCTYPE html>'), /at byte/],
    ['zeros', new Uint8Array(100), /at byte 0, field number 0/],
    ['a field number beyond protobuf', bytes(0x80, 0x80, 0x80, 0x80, 0x10), /field number/],
    ['a tag of eleven bytes', new Uint8Array(11).fill(0xff), /longer than 10 bytes/],
    ['a varint that does not end', bytes(0x08, 0x80, 0x80), /at byte 3, the message ends inside/],
    ['an end-group tag', bytes(0x9c, 0x06), /wire type 4 is not valid/],
    ['a graph that is a number', bytes(0x38, 0x01), /graph has wire type 0, expected 2/],
    ['an IR version of 2^60', bytes(0x08, ...new Array(8).fill(0x80), 0x10), /too large/],
    ['two graphs', join(field(7, bytes()), field(7, bytes())), /a second graph/],
    ['a name that is not UTF-8', inGraph(bytes(0x12, 1, 0xff)), /not valid UTF-8/],
    ['a surrogate in a name', inGraph(bytes(0x12, 3, 0xed, 0xa0, 0x80)), /not valid UTF-8/],
    [
      'two versions of one operator set',
      join(field(8, bytes(0x10, 9)), field(8, bytes(0x0a, 7, ...Buffer.from('ai.onnx'), 0x10, 8))),
      /both version 9 and 8/,
    ],
  ])('%s', (_what, input, message) => {
    const error = refusalOf(input);
    expect(error.code).toBe('malformed-model');
    expect(error.message).toMatch(message);
    expect(error.byteOffset).toBeGreaterThanOrEqual(0);
    expect(error.byteOffset).toBeLessThanOrEqual(input.length);
  });
});

describe('lengths past the end', () => {
  it.each([
    '1',
    '2147483647',
    '4294967296',
    '9007199254740991',
    '9007199254740992',
    '18446744073709551615',
  ])('%s bytes', (length) => {
    for (const input of [
      promise(7, length),
      inGraph(promise(1, length)),
      inGraph(promise(2, length)),
      inTensor(promise(9, length)),
      inTensor(promise(1, length)),
      inTensor(promise(4, length)),
      inGraph(field(1, field(5, promise(4, length)))),
      promise(99, length),
    ]) {
      expect(refusalOf(input).message).toMatch(/only 0 are left|too large/);
    }
  });

  it('names the byte of the length', () => {
    // Tag and length of the graph, tag of the name: its length is at byte 3.
    expect(refusalOf(bytes(0x3a, 2, 0x12, 5)).byteOffset).toBe(3);
  });

  it('does not let a message reach into its neighbour', () => {
    // The node inside the graph says 4 bytes, the graph holds 1 more: what follows is not the graph's.
    expect(refusalOf(bytes(0x3a, 3, 0x0a, 4, 0, 0x08, 1, 0x08, 1)).byteOffset).toBe(3);
  });
});

describe('shapes', () => {
  it.each([
    ['a negative dimension', dims('18446744073709551615'), /dimension of -1/],
    ['a dimension of 2^53', dims('9007199254740992'), /too large/],
    ['2^60 elements', dims(2 ** 30, 2 ** 30), /impossible number of elements/],
    [
      'more elements than numbers',
      dims(...new Array(60).fill('9007199254740991'), 0),
      /impossible/,
    ],
    ['2^52 elements and no data', dims(2 ** 30, 2 ** 22), /has 0/],
  ])('%s', (_what, shape, message) => {
    const error = refusalOf(inTensor(join(shape, float32)));
    expect(error.message).toMatch(message);
    expect(error.byteOffset).toBeDefined();
  });

  it('2^52 elements of an unknown type are kept and never read', () => {
    const model = readModel(inTensor(join(dims(2 ** 30, 2 ** 22), bytes(0x10, 77))));
    expect(readTensorValues(model.graph.initializers[0]!, undefined)).toBeUndefined();
    expect(modelToBytes(model).length).toBeLessThan(40);
  });

  it.each([
    ['raw data of three bytes', field(9, new Uint8Array(3)), /needs 8 bytes and has 3/],
    ['raw data of twelve bytes', field(9, new Uint8Array(12)), /needs 8 bytes and has 12/],
    ['one packed float', field(4, new Uint8Array(4)), /needs 2 entries of data and has 1/],
    ['one and a half packed floats', field(4, new Uint8Array(6)), /has 1.5/],
    ['the data of integers', field(7, new Uint8Array(2)), /has 0/],
    ['no data', bytes(), /has 0/],
  ])('two floats with %s', (_what, data, message) => {
    expect(refusalOf(inTensor(join(dims(2), float32, data))).message).toMatch(message);
  });

  it('finds too few packed varints when they are read', () => {
    const int64 = bytes(0x10, 7);
    // Three bytes may be one to three numbers, and are one.
    const model = readModel(inTensor(join(dims(2), int64, field(7, bytes(0x80, 0x80, 1)))));
    expect(() => readTensorValues(model.graph.initializers[0]!, undefined)).toThrow(
      /needs 2 entries and has 1/,
    );
    const longer = readModel(inTensor(join(dims(2), int64, field(7, bytes(1, 2, 3)))));
    expect(() => readTensorValues(longer.graph.initializers[0]!, undefined)).toThrow(
      /more than 2 entries/,
    );
  });
});

describe('external data', () => {
  const external = (entries: Record<string, string>, more: Uint8Array = bytes()): Uint8Array => {
    const encoded = Object.entries(entries).map(([key, value]) =>
      field(13, join(field(1, Buffer.from(key)), field(2, Buffer.from(value)))),
    );
    return inTensor(join(dims(2), float32, ...encoded, bytes(0x70, 1), more));
  };

  it.each([
    ['no location', {}, /names no file/],
    ['an empty location', { location: '' }, /names no file/],
    ['an offset of 2^53', { location: 'w', offset: '9007199254740992' }, /impossible offset/],
    ['an offset of -1', { location: 'w', offset: '-1' }, /impossible offset/],
    ['an offset of 1e3', { location: 'w', offset: '1e3' }, /impossible offset/],
    ['an offset of many digits', { location: 'w', offset: '9'.repeat(400) }, /impossible offset/],
    ['a length that is empty', { location: 'w', length: '' }, /impossible length/],
    ['a length that is too short', { location: 'w', length: '7' }, /needs 8 bytes and has 7/],
    ['a length that is too long', { location: 'w', length: '9' }, /needs 8 bytes and has 9/],
  ])('%s', (_what, entries, message) => {
    const error = refusalOf(external(entries));
    expect(error.code).toBe('malformed-model');
    expect(error.message).toMatch(message);
  });

  it('beside data of its own', () => {
    const input = external({ location: 'w' }, field(9, new Uint8Array(8)));
    expect(refusalOf(input).message).toMatch(/data of its own and in a file/);
  });

  it('of a model that is given as bytes', () => {
    const error = refusalOf(external({ location: 'w.bin' }));
    expect(error.code).toBe('external-path');
    expect(error.path).toBe('w.bin');
  });
});

describe('recursion', () => {
  /** Graph in attribute in node in graph. */
  function nested(depth: number): Uint8Array {
    let graph: Uint8Array<ArrayBuffer> = bytes();
    for (let index = 0; index < depth; index++) {
      const attribute = join(field(1, Buffer.from('g')), field(6, graph), bytes(0xa0, 1, 5));
      graph = field(1, join(field(4, Buffer.from('If')), field(5, attribute)));
    }
    return field(7, graph);
  }

  it('reads and writes graphs 64 deep', () => {
    const model = readModel(nested(64));
    expect(modelToBytes(readModel(modelToBytes(model)))).toEqual(modelToBytes(model));
  });

  it.each([65, 100, 1000])('refuses graphs %i deep', (depth) => {
    expect(refusalOf(nested(depth)).message).toMatch(/nested more than 64 deep/);
  });

  it('passes over types that are nested without end', () => {
    // Sequence of sequence of …: not interpreted, and written back as it was.
    let type = bytes();
    for (let index = 0; index < 2000; index++) type = field(4, field(1, type));
    const input = inGraph(field(11, join(field(1, Buffer.from('x')), field(2, type))));
    const model = readModel(input);
    expect(model.graph.inputs[0]?.type).toBeUndefined();
    expect(Buffer.compare(modelToBytes(model), input)).toBe(0);
  });
});

describe('memory', () => {
  /** Most that reading these bytes added to the process, in MiB. */
  function growth(input: Uint8Array): number {
    const before = process.memoryUsage().rss;
    refusalOf(input);
    return (process.memoryUsage().rss - before) / 2 ** 20;
  }

  // Two bytes for an object of hundreds: ten million nodes would fill the heap and end the process.
  it.each([
    ['nodes', bytes(0x0a, 0)],
    ['inputs', bytes(0x5a, 0)],
    ['initializers', bytes(0x2a, 0)],
  ])('a graph of 10 million empty %s is refused in time', (_what, item) => {
    const graph = new Uint8Array(20_000_000);
    for (let index = 0; index < graph.length; index += 2) graph.set(item, index);
    const start = performance.now();
    expect(growth(field(7, graph))).toBeLessThan(1000);
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  it('a list of 20 million integers is refused before it is read', () => {
    const attribute = join(
      field(1, Buffer.from('i')),
      field(8, new Uint8Array(20_000_000)),
      bytes(0xa0, 1, 7),
    );
    expect(growth(inGraph(field(1, field(5, attribute))))).toBeLessThan(1500);
  });

  it('a string of 300 MB is refused before it is read', () => {
    expect(growth(inGraph(field(2, new Uint8Array(300_000_000))))).toBeLessThan(1500);
  });

  it('unpacked data is one range, however many elements it has', () => {
    const count = 1_000_000;
    const data = new Uint8Array(2 * count);
    for (let index = 0; index < data.length; index += 2) data.set([0x38, 1], index);
    const model = readModel(inTensor(join(dims(count), bytes(0x10, 7), data)));
    const tensor = model.graph.initializers[0];
    expect(tensor?.data.kind === 'fields' && tensor.data.ranges.length).toBe(1);
    expect(readTensorValues(tensor!, undefined)).toBeUndefined();
  });
});

describe('every truncation, and a flipped bit in every third byte,', () => {
  it('of a model with all fields is refused with its place, or written and read again', () => {
    const original = bytesOf(makeFullModel());
    let refused = 0;
    const check = (input: Uint8Array): void => {
      try {
        const written = modelToBytes(readModel(input));
        if (Buffer.compare(modelToBytes(readModel(written)), written) !== 0) {
          throw new Error('a second round made a difference');
        }
      } catch (error) {
        if (!(error instanceof OnnxAutogradError)) throw error;
        refused++;
      }
    };
    for (let length = 0; length < original.length; length++) check(original.subarray(0, length));
    // The graph is not complete until the last of its bytes; afterwards some prefixes are models.
    expect(refused).toBeGreaterThan(original.length / 2);
    for (let place = 0; place < original.length; place += 3) {
      const flipped = original.slice();
      flipped[place] = (flipped[place] as number) ^ (1 << ((place * 5) % 8));
      check(flipped);
    }
  });
});

describe('arguments', () => {
  it.each([
    ['a URL of the web', new URL('https://example.com/model.onnx')],
    ['a URL that cannot be decoded', new URL('file:///%ff')],
  ])('%s is refused', (_what, url) => {
    expect(() => readModel(url)).toThrow(OnnxAutogradError);
  });

  it('models are kept, not copied', () => {
    const input = bytesOf(
      makeModel({ initializer: [{ dims: [1n], dataType: 2, rawData: bytes(7) }] }),
    );
    const [tensor] = readModel(input).graph.initializers;
    if (tensor?.data.kind !== 'raw') throw new Error('expected raw data');
    const { source, offset, length } = tensor.data.range;
    expect(source.read(offset, length).buffer).toBe(input.buffer);
  });
});
