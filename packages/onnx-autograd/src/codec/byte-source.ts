import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { OnnxAutogradError } from '../errors.js';

/**
 * Random access to the bytes of a model: a file on disk, or an array in memory.
 *
 * A file is opened anew for each read and holds no handle, so models need no disposal.
 */
export interface ByteSource {
  /** Size in bytes. */
  readonly size: number;
  /** Absolute path for a file, `undefined` for bytes in memory. */
  readonly path: string | undefined;
  /** The bytes in `[offset, offset + length)`. @throws {OnnxAutogradError} If they are not there. */
  read(offset: number, length: number): Uint8Array;
}

/** A stretch of a source: how every weight is held. */
export interface ByteRange {
  readonly source: ByteSource;
  /** First byte. */
  readonly offset: number;
  /** Length in bytes. */
  readonly length: number;
}

/** Bytes in memory as a source; reads are views, not copies. */
export class MemorySource implements ByteSource {
  readonly path: undefined = undefined;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get size(): number {
    return this.#bytes.byteLength;
  }

  read(offset: number, length: number): Uint8Array {
    assertInside(this, offset, length);
    return this.#bytes.subarray(offset, offset + length);
  }
}

/** A file as a source; each read returns a new array. */
export class FileSource implements ByteSource {
  readonly path: string;
  readonly size: number;

  constructor(path: string) {
    this.path = path;
    this.size = withFile(path, (descriptor) => fstatSync(descriptor).size);
  }

  read(offset: number, length: number): Uint8Array {
    assertInside(this, offset, length);
    return withFile(this.path, (descriptor) => {
      const bytes = new Uint8Array(length);
      let filled = 0;
      while (filled < length) {
        const count = readSync(descriptor, bytes, filled, length - filled, offset + filled);
        if (count === 0) {
          throw new OnnxAutogradError(
            'file',
            `${this.path} ended at byte ${offset + filled}, expected ${length} bytes from ${offset}; was it changed while being read?`,
            { path: this.path, byteOffset: offset + filled },
          );
        }
        filled += count;
      }
      return bytes;
    });
  }
}

/** A range held in memory. */
export function memoryRange(bytes: Uint8Array): ByteRange {
  return { source: new MemorySource(bytes), offset: 0, length: bytes.byteLength };
}

/** The bytes of a range; a view where the source is in memory. */
export function readRange(range: ByteRange): Uint8Array {
  return range.source.read(range.offset, range.length);
}

function assertInside(source: ByteSource, offset: number, length: number): void {
  if (
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= source.size
  ) {
    return;
  }
  const where = source.path ?? 'the model bytes';
  throw new OnnxAutogradError(
    'malformed-model',
    `Bytes ${offset} to ${offset + length} are outside ${where}, which holds ${source.size} bytes; the file is truncated or its offsets are wrong.`,
    { byteOffset: offset, ...(source.path === undefined ? {} : { path: source.path }) },
  );
}

function withFile<T>(path: string, use: (descriptor: number) => T): T {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (cause) {
    throw new OnnxAutogradError('file', `Cannot open ${path}: ${(cause as Error).message}`, {
      cause,
      path,
    });
  }
  try {
    return use(descriptor);
  } catch (cause) {
    if (cause instanceof OnnxAutogradError) throw cause;
    throw new OnnxAutogradError('file', `Cannot read ${path}: ${(cause as Error).message}`, {
      cause,
      path,
    });
  } finally {
    closeSync(descriptor);
  }
}
