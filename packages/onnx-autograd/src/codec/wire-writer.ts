import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { OnnxAutogradError } from '../errors.js';
import { type ByteRange, readRange } from './byte-source.js';
import { wireTypes } from './wire-reader.js';

/** Bytes copied at a time from one file to another, so that weights never fill memory. */
const copyBytes = 4 * 1024 * 1024;

/**
 * Writes protobuf wire format as a list of pieces.
 *
 * Pieces are small arrays made here and ranges of other sources, which are copied only when the whole is
 * written: a message with gigabytes inside is built without reading them.
 */
export class WireWriter {
  readonly #pieces: (Uint8Array | ByteRange)[] = [];
  #length = 0;
  #buffer: Uint8Array = new Uint8Array(256);
  #used = 0;

  /** Total length in bytes. */
  get length(): number {
    return this.#length;
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
    this.bytesField(field, Buffer.from(value, 'utf8'));
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

  /** A whole field that was read before, tag included. */
  raw(range: ByteRange): void {
    this.#flush();
    if (range.length > 0) this.#pieces.push(range);
    this.#length += range.length;
  }

  messageField(field: number, write: (writer: WireWriter) => void): void {
    const inner = new WireWriter();
    write(inner);
    this.#varint(field * 8 + wireTypes.lengthDelimited);
    this.#varint(inner.length);
    inner.#flush();
    this.#flush();
    for (const piece of inner.#pieces) this.#pieces.push(piece);
    this.#length += inner.length;
  }

  packedFloats(field: number, values: readonly number[]): void {
    if (values.length === 0) return;
    this.messageField(field, (inner) => {
      for (const value of values) inner.#float32(value);
    });
  }

  packedIntegers(field: number, values: readonly (number | bigint)[]): void {
    if (values.length === 0) return;
    this.messageField(field, (inner) => {
      for (const value of values) inner.#varint(value);
    });
  }

  /** The whole message in one array. */
  toBytes(): Uint8Array {
    this.#flush();
    const bytes = new Uint8Array(this.#length);
    let position = 0;
    for (const piece of this.#pieces) {
      const content = piece instanceof Uint8Array ? piece : readRange(piece);
      bytes.set(content, position);
      position += content.length;
    }
    return bytes;
  }

  /** Writes to a temporary name beside `path`, then renames: a half-written model never has the name. */
  toFile(path: string): void {
    this.#flush();
    writeAtomically(path, (descriptor) => {
      for (const piece of this.#pieces) {
        if (piece instanceof Uint8Array) writeFully(descriptor, piece);
        else copyRange(piece, descriptor);
      }
    });
  }

  #append(bytes: Uint8Array): void {
    this.#flush();
    this.#pieces.push(bytes);
    this.#length += bytes.length;
  }

  #flush(): void {
    if (this.#used === 0) return;
    this.#pieces.push(this.#buffer.slice(0, this.#used));
    this.#used = 0;
  }

  #byte(value: number): void {
    if (this.#used === this.#buffer.length) this.#flush();
    this.#buffer[this.#used++] = value;
    this.#length++;
  }

  #float32(value: number): void {
    const bytes = new Uint8Array(Float32Array.of(value).buffer);
    for (const byte of bytes) this.#byte(byte);
  }

  #varint(value: number | bigint): void {
    if (typeof value === 'number' && value >= 0) {
      let rest = value;
      while (rest >= 128) {
        this.#byte((rest % 128) + 128);
        rest = Math.floor(rest / 128);
      }
      this.#byte(rest);
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest >= 128n) {
      this.#byte(Number(rest & 0x7fn) + 128);
      rest >>= 7n;
    }
    this.#byte(Number(rest));
  }
}

/** Copies a range into an open file piece by piece. */
export function copyRange(range: ByteRange, descriptor: number): void {
  for (let done = 0; done < range.length; done += copyBytes) {
    const length = Math.min(copyBytes, range.length - done);
    writeFully(descriptor, range.source.read(range.offset + done, length));
  }
}

/** Lets `write` fill a temporary file, flushes it to disk and gives it its name. */
export function writeAtomically(path: string, write: (descriptor: number) => void): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const descriptor = openSync(temporary, 'w');
    try {
      write(descriptor);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    if (cause instanceof OnnxAutogradError) throw cause;
    throw new OnnxAutogradError('file', `Cannot write ${path}: ${(cause as Error).message}`, {
      cause,
      path,
    });
  }
}

function writeFully(descriptor: number, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) written += writeSync(descriptor, bytes, written);
}
