import { OnnxAutogradError } from '../errors.js';
import type { ByteRange, ByteSource } from './byte-source.js';

/** Protobuf wire types that ONNX files use. */
export const wireTypes = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 } as const;

/** Bytes fetched at a time from a file: large enough to amortise a read, small beside any weight. */
const windowBytes = 64 * 1024;

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
  #window: Uint8Array = new Uint8Array(0);
  #windowStart = 0;

  constructor(source: ByteSource, start = 0, end: number = source.size) {
    this.source = source;
    this.#position = start;
    this.#end = end;
  }

  /** Next byte to read, from the start of the source. */
  get position(): number {
    return this.#position;
  }

  get atEnd(): boolean {
    return this.#position >= this.#end;
  }

  /** Field number and wire type of the next field. */
  tag(): { field: number; wireType: number; start: number } {
    const start = this.#position;
    const value = this.varint();
    const field = Math.floor(value / 8);
    const wireType = value % 8;
    if (field === 0 || field > 0x1fffffff) this.fail(`field number ${field} is not valid`, start);
    return { field, wireType, start };
  }

  /** An unsigned varint that must fit a double exactly: tags, lengths, enum values, dims. */
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
    let value = 0n;
    for (let index = 0; index < 10; index++) {
      const byte = this.#byte();
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
    const bytes = this.bytes(4);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true);
  }

  /** Length prefix of a length-delimited field, checked against the enclosing message. */
  length(): number {
    const start = this.#position;
    const length = this.varint();
    if (length > this.#end - this.#position) {
      this.fail(
        `a field says it is ${length} bytes long, but only ${this.#end - this.#position} are left in its message`,
        start,
      );
    }
    return length;
  }

  /** A copy of the next `length` bytes. */
  bytes(length: number): Uint8Array {
    const start = this.#position;
    if (length > this.#end - start) this.fail(`${length} bytes are expected`, start);
    this.#position = start + length;
    return this.source.read(start, length).slice();
  }

  /** A length-delimited UTF-8 string. */
  string(): string {
    return Buffer.from(this.bytes(this.length())).toString('utf8');
  }

  /** The place of a length-delimited field; its bytes are not read. */
  range(): ByteRange {
    const length = this.length();
    const offset = this.#position;
    this.#position = offset + length;
    return { source: this.source, offset, length };
  }

  /** Reads a length-delimited message with this same cursor. */
  message<T>(read: (reader: WireReader) => T): T {
    const length = this.length();
    const outerEnd = this.#end;
    this.#end = this.#position + length;
    const result = read(this);
    this.#position = this.#end;
    this.#end = outerEnd;
    return result;
  }

  /** Calls `read` for each element of a repeated scalar, packed or not. */
  packed(wireType: number, read: (reader: WireReader) => void): void {
    if (wireType !== wireTypes.lengthDelimited) {
      read(this);
      return;
    }
    this.message((reader) => {
      while (!reader.atEnd) read(reader);
    });
  }

  /** Passes over a field of any kind and returns the place of its whole encoding, tag included. */
  skip(wireType: number, start: number): ByteRange {
    if (wireType === wireTypes.varint) this.int64();
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

  #advance(length: number): void {
    if (length > this.#end - this.#position) this.fail('a field runs past the end of its message');
    this.#position += length;
  }

  #byte(): number {
    if (this.#position >= this.#end) this.fail('the message ends inside a field');
    let index = this.#position - this.#windowStart;
    if (index < 0 || index >= this.#window.length) {
      // Not clipped to the message: the next fields come from the same window.
      const length = Math.min(windowBytes, this.source.size - this.#position);
      this.#window = this.source.read(this.#position, length);
      this.#windowStart = this.#position;
      index = 0;
    }
    this.#position++;
    return this.#window[index] as number;
  }
}
