import { OnnxAutogradError } from '../errors.js';
import { type ByteRange, type ByteSource, FileSource } from './byte-source.js';

/** Protobuf wire types that ONNX files use. */
export const wireTypes = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 } as const;

/** Bytes fetched at a time from a file: spares system calls, and is small beside any weight. */
const windowBytes = 32 * 1024;

/**
 * Most memory that one model's structure may take: 512 MiB, a hundred times what the largest decoders
 * need. Two bytes of a file can ask for an object of a hundred; without a limit, a file of tiny messages
 * would exhaust the heap, which ends the process.
 */
const maximumStructureBytes = 512 * 1024 * 1024;

/** Rough sizes of what a parsed element takes in memory, in bytes. */
const costs = { field: 16, message: 512, string: 32, number: 32 } as const;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A cursor over protobuf wire format.
 *
 * Reads through a small window, so that a message inside a multi-gigabyte file is walked without loading
 * what is skipped. Every length is checked against the end of the enclosing message before it is used.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */
export class WireReader {
  readonly source: ByteSource;
  #position: number;
  #end: number;
  #window: Uint8Array;
  #windowStart = 0;
  #windowEnd: number;
  #structureBytes = 0;

  constructor(source: ByteSource, start = 0, end: number = source.size) {
    this.source = source;
    this.#position = start;
    this.#end = end;
    if (source instanceof FileSource) {
      this.#window = new Uint8Array(Math.min(windowBytes, source.size));
      this.#windowEnd = 0;
    } else {
      this.#window = source.read(0, source.size);
      this.#windowEnd = source.size;
    }
  }

  /** Next byte to read, from the start of the source. */
  get position(): number {
    return this.#position;
  }

  get atEnd(): boolean {
    return this.#position >= this.#end;
  }

  /** Field number and wire type of the next field, and where it starts. */
  tag(): { field: number; wireType: number; start: number } {
    const start = this.#position;
    this.#charge(costs.field);
    const value = this.varint();
    const field = Math.floor(value / 8);
    const wireType = value % 8;
    if (field === 0 || field > 0x1fffffff) this.fail(`field number ${field} is not valid`, start);
    return { field, wireType, start };
  }

  /** An unsigned varint that must fit a double exactly: tags, lengths, offsets. */
  varint(): number {
    const start = this.#position;
    let value = 0;
    let scale = 1;
    for (let index = 0; index < 10; index++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (!Number.isSafeInteger(value)) this.fail(`the number ${value} is too large`, start);
        return value;
      }
      scale *= 128;
    }
    return this.fail('a varint is longer than 10 bytes', start);
  }

  /** A signed 64-bit varint. */
  int64(): bigint {
    const start = this.#position;
    this.#charge(costs.number);
    let value = 0n;
    for (let index = 0; index < 10; index++) {
      const byte = this.#byte();
      if (index === 0 && byte < 0x80) return BigInt(byte);
      value |= BigInt(byte & 0x7f) << BigInt(7 * index);
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    return this.fail('a varint is longer than 10 bytes', start);
  }

  /** A signed 64-bit varint that must be a safe integer, as enum codes and dims are. */
  safeInteger(): number {
    const start = this.#position;
    const value = Number(this.int64());
    if (!Number.isSafeInteger(value)) this.fail(`the number ${value} is too large`, start);
    return value;
  }

  float32(): number {
    return this.#fixed(4).getFloat32(0, true);
  }

  float64(): number {
    return this.#fixed(8).getFloat64(0, true);
  }

  /** Length prefix of a length-delimited field, checked against the enclosing message. */
  length(): number {
    const start = this.#position;
    const length = this.varint();
    const left = this.#end - this.#position;
    if (length > left) {
      this.fail(
        `a field says it is ${length} bytes long, but only ${left} are left in its message`,
        start,
      );
    }
    return length;
  }

  /** A copy of a length-delimited field's content. */
  bytes(): Uint8Array {
    const length = this.length();
    this.#charge(costs.string + length);
    return this.#take(length).slice();
  }

  /** A length-delimited string, which must be UTF-8. */
  string(): string {
    const start = this.#position;
    const length = this.length();
    // Twice, as the engine holds strings beyond Latin-1 in two bytes a character.
    this.#charge(costs.string + 2 * length);
    const bytes = this.#take(length);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('utf8');
    // The lenient decoder is the faster one, and replaces what is wrong by U+FFFD: two names could
    // become one. Only text that holds that character is worth a second look.
    if (!text.includes('\ufffd')) return text;
    try {
      return strictUtf8.decode(bytes);
    } catch {
      return this.fail('a string is not valid UTF-8', start);
    }
  }

  /** The place of a length-delimited field's content; its bytes are not read. */
  range(): ByteRange {
    const length = this.length();
    const offset = this.#position;
    this.#position = offset + length;
    return { source: this.source, offset, length };
  }

  /** Reads a length-delimited message with this same cursor. */
  message<T>(read: (reader: WireReader) => T): T {
    this.#charge(costs.message);
    return this.within(this.range(), read);
  }

  /** Reads a range of this source, then goes on where the cursor was. */
  within<T>({ offset, length }: ByteRange, read: (reader: WireReader) => T): T {
    const [position, end] = [this.#position, this.#end];
    this.#position = offset;
    this.#end = offset + length;
    const result = read(this);
    this.#position = position;
    this.#end = end;
    return result;
  }

  /** Calls `read` for each element of a repeated scalar, packed or not. */
  packed(wireType: number, read: (reader: WireReader) => void): void {
    if (wireType !== wireTypes.lengthDelimited) {
      read(this);
      return;
    }
    this.within(this.range(), (reader) => {
      while (!reader.atEnd) read(reader);
    });
  }

  /** Passes over a field of any kind and returns the place of its whole encoding, tag included. */
  skip(wireType: number, start: number): ByteRange {
    if (wireType === wireTypes.varint) this.#skipVarint();
    else if (wireType === wireTypes.fixed64) this.#advance(8);
    else if (wireType === wireTypes.lengthDelimited) this.#advance(this.length());
    else if (wireType === wireTypes.fixed32) this.#advance(4);
    else this.fail(`wire type ${wireType} is not valid`, start);
    return { source: this.source, offset: start, length: this.#position - start };
  }

  /** Checks a field's wire type. */
  expect(field: string, wireType: number, ...allowed: number[]): void {
    if (!allowed.includes(wireType)) {
      this.fail(`${field} has wire type ${wireType}, expected ${allowed.join(' or ')}`);
    }
  }

  fail(problem: string, byteOffset: number = this.#position): never {
    const where = this.source.path === undefined ? '' : ` of ${this.source.path}`;
    throw new OnnxAutogradError(
      'malformed-model',
      `Not a well-formed ONNX model: at byte ${byteOffset}${where}, ${problem}.`,
      { byteOffset, ...(this.source.path === undefined ? {} : { path: this.source.path }) },
    );
  }

  #charge(bytes: number): void {
    this.#structureBytes += bytes;
    if (this.#structureBytes > maximumStructureBytes) {
      this.fail(
        `the graph without its weights would take more than ${maximumStructureBytes} bytes of memory`,
      );
    }
  }

  #advance(length: number): void {
    if (length > this.#end - this.#position) this.fail('the message ends inside a field');
    this.#position += length;
  }

  #skipVarint(): void {
    const start = this.#position;
    for (let index = 0; index < 10; index++) if (this.#byte() < 0x80) return;
    this.fail('a varint is longer than 10 bytes', start);
  }

  #fixed(length: 4 | 8): DataView {
    this.#charge(costs.number);
    const bytes = this.#take(length);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  }

  /** The next bytes, valid until the next read. */
  #take(length: number): Uint8Array {
    const start = this.#position;
    this.#advance(length);
    if (start < this.#windowStart || start + length > this.#windowEnd) {
      if (length > this.#window.length) return this.source.read(start, length);
      this.#fetch(start);
    }
    const index = start - this.#windowStart;
    return this.#window.subarray(index, index + length);
  }

  #byte(): number {
    const position = this.#position;
    if (position >= this.#end) this.fail('the message ends inside a field');
    if (position < this.#windowStart || position >= this.#windowEnd) this.#fetch(position);
    this.#position = position + 1;
    return this.#window[position - this.#windowStart] as number;
  }

  /** Moves the window, which is not clipped to the message: the next fields come from it as well. */
  #fetch(start: number): void {
    if (!(this.source instanceof FileSource)) throw new Error('internal: bytes outside the array');
    const length = Math.min(this.#window.length, this.source.size - start);
    this.source.readInto(this.#window.subarray(0, length), start);
    this.#windowStart = start;
    this.#windowEnd = start + length;
  }
}
