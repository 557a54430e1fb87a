import { closeSync, fsyncSync, lstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import { OnnxAutogradError } from '../errors.js';
import { fileError } from './byte-source.js';

/** A file to be written. */
export interface NewFile {
  readonly path: string;
  /** Calls `append` with the content from first byte to last. */
  readonly fill: (append: (bytes: Uint8Array) => void) => void;
}

/**
 * Writes files that belong together, each under a temporary name until all are complete and on disk.
 *
 * A reader never sees a half-written file, nor the last file of the list beside an older version of the
 * others: what was there is moved aside first, put back if something fails, and removed at the end.
 *
 * @throws {OnnxAutogradError} `file`; then everything is as it was before.
 */
export function replaceFiles(files: readonly NewFile[]): void {
  const temporaries: string[] = [];
  try {
    for (const { path, fill } of files) {
      assertReplaceable(path);
      temporaries.push(writeTemporary(path, fill));
    }
    // One rename is atomic by itself; several are not, so none may find the old and new side by side.
    const asides = files.length > 1 ? moveAside(files) : [];
    const placed: string[] = [];
    try {
      for (const [index, { path }] of files.entries()) {
        renameSync(temporaries[index] as string, path);
        placed.push(path);
      }
    } catch (cause) {
      if (files.length > 1) for (const path of placed) rmSync(path, { force: true });
      for (const { path, aside } of asides) renameSync(aside, path);
      throw cause;
    }
    for (const { aside } of asides) removeQuietly(aside);
  } catch (cause) {
    for (const temporary of temporaries) removeQuietly(temporary);
    if (cause instanceof OnnxAutogradError) throw cause;
    const path = files.at(-1)?.path ?? '';
    throw fileError(`Cannot write ${path}`, path, cause);
  }
}

/** Moves the files that exist to other names, the last one of the list first. */
function moveAside(files: readonly NewFile[]): { path: string; aside: string }[] {
  const asides: { path: string; aside: string }[] = [];
  try {
    for (const { path } of [...files].reverse()) {
      if (lstatSync(path, { throwIfNoEntry: false }) === undefined) continue;
      const aside = freeName(path, 'old');
      renameSync(path, aside);
      asides.push({ path, aside });
    }
  } catch (cause) {
    for (const { path, aside } of asides) renameSync(aside, path);
    throw cause;
  }
  return asides;
}

function writeTemporary(path: string, fill: NewFile['fill']): string {
  const temporary = freeName(path, 'tmp');
  // Fails if the name was taken in between.
  const descriptor = openSync(temporary, 'wx');
  try {
    try {
      fill((bytes) => writeFully(descriptor, bytes));
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    removeQuietly(temporary);
    if (cause instanceof OnnxAutogradError) throw cause;
    throw fileError(`Cannot write ${path}`, path, cause);
  }
  return temporary;
}

function writeFully(descriptor: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) {
    written += writeSync(descriptor, bytes, written, bytes.length - written);
  }
}

function assertReplaceable(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined || stats.isFile() || stats.isSymbolicLink()) return;
  throw fileError(`Cannot write ${path}: it is not a file`, path);
}

/** A name beside `path` that no file has and no other thread or process of this kind takes. */
function freeName(path: string, ending: 'tmp' | 'old'): string {
  for (let count = 0; ; count++) {
    const name = `${path}.${process.pid}-${threadId}-${count}.${ending}`;
    if (lstatSync(name, { throwIfNoEntry: false }) === undefined) return name;
  }
}

/** Removes what is left over; failing to does not hide the error that is on its way. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The folder may have become read-only or gone.
  }
}
