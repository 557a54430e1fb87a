import { type ByteRange, type ByteSource, whileAllOpen } from './byte-source.js';
import { wireTypes } from './wire-reader.js';

/** Bytes copied at a time from one file to another, so that weights never fill memory. */
const copyBytes = 4 * 1024 * 1024;

/** Ranges in memory up to this size are copied at once: a piece of its own costs more than its bytes. */
const smallBytes = 4096;

/** A range of another source that belongs between two bytes of a writer. */
interface Insertion {
  /** Bytes of the writer's own before it. */
  readonly at: number;
  readonly range: ByteRange;
}

/**
 * Writes protobuf wire format.
 *
 * Holds what it makes itself, and for the rest the places to copy from when the whole is written: a
 * message with gigabytes inside is built without reading them.
 */
export class WireWriter {
  #own: Uint8Array = new Uint8Array(64);
  #used = 0;
  readonly #insertions: Insertion[] = [];
  #insertedBytes = 0;

  /** Total length in bytes. */
  get length(): number {
    return this.#used + this.#insertedBytes;
  }

  varintField(field: number, value: number | bigint): void {
    this.#varint(field * 8 + wireTypes.varint);
    this.#varint(value);
  }

  float32Field(field: number, value: number): void {
    this.#varint(field * 8 + wireTypes.fixed32);
    this.#float32(value);
  }

  stringField(field: number, value: string): void {
    const length = Buffer.byteLength(value, 'utf8');
    this.#varint(field * 8 + wireTypes.lengthDelimited);
    this.#varint(length);
    this.#reserve(length);
    Buffer.from(this.#own.buffer, this.#used, length).write(value, 'utf8');
    this.#used += length;
  }

  bytesField(field: number, value: Uint8Array): void {
    this.#varint(field * 8 + wireTypes.lengthDelimited);
    this.#varint(value.length);
    this.#append(value);
  }

  /** A length-delimited field whose content lies elsewhere. */
  rangeField(field: number, range: ByteRange): void {
    this.#varint(field * 8 + wireTypes.lengthDelimited);
    this.#varint(range.length);
    this.raw(range);
  }

  /** Whole fields that were read before, tags included. */
  raw(range: ByteRange): void {
    if (range.length === 0) return;
    if (range.source.path === undefined && range.length <= smallBytes) {
      this.#append(range.source.read(range.offset, range.length));
      return;
    }
    this.#insertions.push({ at: this.#used, range });
    this.#insertedBytes += range.length;
  }

  messageField(field: number, write: (writer: WireWriter) => void): void {
    const inner = new WireWriter();
    write(inner);
    this.#varint(field * 8 + wireTypes.lengthDelimited);
    this.#varint(inner.length);
    const start = this.#used;
    for (const { at, range } of inner.#insertions) {
      this.#insertions.push({ at: start + at, range });
    }
    this.#insertedBytes += inner.#insertedBytes;
    this.#append(inner.#own.subarray(0, inner.#used));
  }

  packedFloats(field: number, values: readonly number[]): void {
    if (values.length === 0) return;
    this.#varint(field * 8 + wireTypes.lengthDelimited);
    this.#varint(4 * values.length);
    for (const value of values) this.#float32(value);
  }

  packedIntegers(field: number, values: readonly (number | bigint)[]): void {
    if (values.length === 0) return;
    this.messageField(field, (inner) => {
      for (const value of values) inner.#varint(value);
    });
  }

  /** The whole message in one array. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.length);
    let position = 0;
    this.forEachPiece((piece) => {
      bytes.set(piece, position);
      position += piece.length;
    });
    return bytes;
  }

  /** Calls `use` with the message's bytes from first to last, a few megabytes at a time. */
  forEachPiece(use: (bytes: Uint8Array) => void): void {
    const sources = new Set<ByteSource>(this.#insertions.map(({ range }) => range.source));
    whileAllOpen(sources, () => {
      let done = 0;
      for (const { at, range } of this.#insertions) {
        if (at > done) use(this.#own.subarray(done, at));
        done = at;
        forEachPieceOf(range, use);
      }
      if (this.#used > done) use(this.#own.subarray(done, this.#used));
    });
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#own.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  #reserve(bytes: number): void {
    const needed = this.#used + bytes;
    if (needed <= this.#own.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#own.length));
    larger.set(this.#own.subarray(0, this.#used));
    this.#own = larger;
  }

  #float32(value: number): void {
    this.#reserve(4);
    new DataView(this.#own.buffer).setFloat32(this.#used, value, true);
    this.#used += 4;
  }

  #varint(value: number | bigint): void {
    this.#reserve(10);
    if (typeof value === 'number' && value >= 0) {
      let rest = value;
      while (rest >= 128) {
        this.#own[this.#used++] = (rest % 128) + 128;
        rest = Math.floor(rest / 128);
      }
      this.#own[this.#used++] = rest;
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest >= 128n) {
      this.#own[this.#used++] = Number(rest & 0x7fn) + 128;
      rest >>= 7n;
    }
    this.#own[this.#used++] = Number(rest);
  }
}

/** Calls `use` with the bytes of a range from first to last, a few megabytes at a time. */
export function forEachPieceOf(range: ByteRange, use: (bytes: Uint8Array) => void): void {
  for (let done = 0; done < range.length; done += copyBytes) {
    const length = Math.min(copyBytes, range.length - done);
    use(range.source.read(range.offset + done, length));
  }
}
