import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  statSync,
} from 'node:fs';
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

/**
 * A file as a source; each read returns a new array.
 *
 * Offsets into a file mean nothing once it was replaced, so a read fails when the file is not the one
 * that was opened first (by its inode, size and modification time).
 */
export class FileSource implements ByteSource {
  readonly path: string;
  readonly size: number;
  readonly #identity: string;
  #held: number | undefined;

  /** @throws {OnnxAutogradError} `file` if there is no regular file that can be read at `path`. */
  constructor(path: string) {
    this.path = path;
    const descriptor = openFile(path);
    try {
      const stats = fstatSync(descriptor, { bigint: true });
      this.size = Number(stats.size);
      this.#identity = identityOf(stats);
    } finally {
      closeSync(descriptor);
    }
  }

  read(offset: number, length: number): Uint8Array {
    assertInside(this, offset, length);
    let bytes: Uint8Array;
    try {
      bytes = new Uint8Array(length);
    } catch (cause) {
      throw fileError(`Cannot hold ${length} bytes of ${this.path} in memory`, this.path, cause);
    }
    this.readInto(bytes, offset);
    return bytes;
  }

  /** Fills `target` with the bytes from `offset` on. */
  readInto(target: Uint8Array, offset: number): void {
    assertInside(this, offset, target.length);
    this.whileOpen(() => this.#fill(target, offset));
  }

  /** Runs `action` with the file kept open, so that many small reads pay for one opening. */
  whileOpen<T>(action: () => T): T {
    if (this.#held !== undefined) return action();
    const descriptor = openFile(this.path);
    try {
      if (identityOf(fstatSync(descriptor, { bigint: true })) !== this.#identity) {
        throw fileError(
          `${this.path} was changed since the model was read; read the model again`,
          this.path,
        );
      }
      this.#held = descriptor;
      return action();
    } finally {
      this.#held = undefined;
      closeSync(descriptor);
    }
  }

  /** @throws {OnnxAutogradError} `file` if the file is gone or another one lies at its path. */
  assertUnchanged(): void {
    this.whileOpen(() => undefined);
  }

  #fill(target: Uint8Array, offset: number): void {
    let filled = 0;
    while (filled < target.length) {
      let count: number;
      try {
        const length = Math.min(target.length - filled, maximumReadBytes);
        count = readSync(this.#held as number, target, filled, length, offset + filled);
      } catch (cause) {
        throw fileError(`Cannot read ${this.path} at byte ${offset + filled}`, this.path, cause);
      }
      if (count === 0) {
        throw new OnnxAutogradError(
          'file',
          `${this.path} ended at byte ${offset + filled}, expected ${target.length} bytes from ${offset}; was it changed while being read?`,
          { path: this.path, byteOffset: offset + filled },
        );
      }
      filled += count;
    }
  }
}

/** The operating system reads less than 2 GiB at a time. */
const maximumReadBytes = 2 ** 30;

/** Runs `action` while every file among `sources` is kept open. */
export function whileAllOpen<T>(sources: ReadonlySet<ByteSource>, action: () => T): T {
  const files = [...sources].filter((source) => source instanceof FileSource);
  return files.reduceRight<() => T>((inner, file) => () => file.whileOpen(inner), action)();
}

/** A range held in memory. */
export function memoryRange(bytes: Uint8Array): ByteRange {
  return { source: new MemorySource(bytes), offset: 0, length: bytes.byteLength };
}

/** The bytes of a range; a view where the source is in memory. */
export function readRange(range: ByteRange): Uint8Array {
  return range.source.read(range.offset, range.length);
}

/**
 * Adds a range to a list, merged with the last one where they touch.
 *
 * Keeps the list short for fields that repeat once per element: a weight of unpacked values is one range.
 */
export function appendRange(ranges: ByteRange[], range: ByteRange): void {
  const last = ranges.at(-1);
  if (
    last !== undefined &&
    last.source === range.source &&
    last.offset + last.length === range.offset
  ) {
    ranges[ranges.length - 1] = { ...last, length: last.length + range.length };
  } else ranges.push(range);
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

/**
 * Opens a regular file for reading.
 *
 * Anything else is refused before it is opened: a pipe would block for ever, and opening a device may do
 * something.
 */
function openFile(path: string): number {
  let descriptor: number;
  try {
    assertRegular(statSync(path, { bigint: true }), path);
    // Does not wait if a pipe took the file's place in between. Windows has neither.
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    if (cause instanceof OnnxAutogradError) throw cause;
    throw fileError(`Cannot open ${path}`, path, cause);
  }
  try {
    assertRegular(fstatSync(descriptor, { bigint: true }), path);
  } catch (cause) {
    closeSync(descriptor);
    throw cause;
  }
  return descriptor;
}

function assertRegular(stats: BigIntStats, path: string): void {
  if (stats.isFile()) return;
  const kind = stats.isDirectory() ? 'a folder' : 'a pipe, socket or device';
  throw fileError(`${path} is ${kind}, expected a file`, path);
}

function identityOf({ ino, size, mtimeNs }: BigIntStats): string {
  return `${ino}:${size}:${mtimeNs}`;
}

/** An error about a path, with the operating system's reason where there is one. */
export function fileError(problem: string, path: string, cause?: unknown): OnnxAutogradError {
  if (cause === undefined) return new OnnxAutogradError('file', `${problem}.`, { path });
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new OnnxAutogradError('file', `${problem}: ${reason}`, { cause, path });
}
