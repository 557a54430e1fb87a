import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RlError, type RlErrorCode } from '../errors.js';

const codes: Readonly<Record<string, RlErrorCode>> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EFBIG: 'disk-full',
  EROFS: 'folder-not-writable',
  EACCES: 'folder-not-writable',
  EPERM: 'folder-not-writable',
};

const advice: Partial<Record<RlErrorCode, string>> = {
  'disk-full': 'Free some space and resume: what was saved before is intact.',
  'folder-not-writable': 'Choose a run folder that this user may write to.',
};

/** The code of an error of Node's file system, e.g. ENOENT. */
export function systemCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : null;
}

/** Runs a file operation and gives its error a name that a reader can act on. */
export async function withFileErrors<T>(
  action: string,
  path: string,
  operation: () => Promise<T>,
): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (error instanceof RlError) throw error;
    const system = systemCode(error) ?? 'unknown error';
    const code = codes[system] ?? 'file-system';
    throw new RlError(
      code,
      `Cannot ${action} ${path}: ${system}. ${advice[code] ?? ''}`.trimEnd(),
      { cause: error, details: { path, system } },
    );
  }
}

/** Makes a folder's entries survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  await withFileErrors('sync', path, async () => {
    const folder = await open(path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  });
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written);
    written += bytesWritten;
  }
}

/** Writes a file and waits until it is on the disk. */
export async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  await withFileErrors('write', path, async () => {
    const file = await open(path, 'w');
    try {
      await writeAll(file, bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  });
}

/** Replaces a file in one step: readers see the old bytes or the new ones, never a part. */
export async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await writeSynced(temporary, bytes);
    await withFileErrors('rename to', path, () => rename(temporary, path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Creates a folder and its parents. */
export async function createFolder(path: string): Promise<void> {
  await withFileErrors('create', path, () => mkdir(path, { recursive: true }));
}

/** A file's bytes, or null when it does not exist. */
export async function readIfPresent(path: string): Promise<Buffer | null> {
  return withFileErrors('read', path, async () => {
    try {
      return await readFile(path);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return null;
      throw error;
    }
  });
}
