import { createHash } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RlError } from '../errors.js';
import type { NamedArrays } from '../optimizers/types.js';
import { decodeArrays, encodeArrays } from './array-file.js';
import {
  createFolder,
  readIfPresent,
  syncFolder,
  withFileErrors,
  writeSynced,
} from './durable-files.js';

/** What a checkpoint holds. `state` is plain JSON. */
export interface Checkpoint {
  /** Steps completed. */
  readonly step: number;
  readonly state: unknown;
  /** Array files by name, e.g. `policy`, `optimizer`. */
  readonly arrays: Readonly<Record<string, NamedArrays>>;
}

/** A checkpoint that was not used, and why. */
export interface RefusedCheckpoint {
  readonly step: number;
  readonly path: string;
  readonly reason: string;
}

interface ManifestFile {
  readonly bytes: number;
  readonly sha256: string;
}

interface Manifest {
  readonly version: 1;
  readonly step: number;
  readonly files: Readonly<Record<string, ManifestFile>>;
}

const MANIFEST = 'manifest.json';
const STATE = 'state.json';
const ARRAYS = '.safetensors';
const FOLDER = /^step-(\d{9,})$/;

const folderName = (step: number): string => `step-${String(step).padStart(9, '0')}`;
const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const json = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);

/**
 * Writes a checkpoint into `folder/step-…`: under a temporary name, every file on the disk, then renamed. A crash
 * at any moment leaves either no checkpoint of that step or a whole one.
 *
 * @returns The path.
 */
export async function saveCheckpoint(folder: string, checkpoint: Checkpoint): Promise<string> {
  const path = join(folder, folderName(checkpoint.step));
  const temporary = `${path}.tmp`;
  const contents: Record<string, Uint8Array> = { [STATE]: json(checkpoint.state) };
  for (const [name, arrays] of Object.entries(checkpoint.arrays)) {
    contents[`${name}${ARRAYS}`] = encodeArrays(arrays);
  }
  const files: Record<string, ManifestFile> = {};
  for (const [name, bytes] of Object.entries(contents)) {
    files[name] = { bytes: bytes.length, sha256: hashOf(bytes) };
  }
  const manifest: Manifest = { version: 1, step: checkpoint.step, files };
  try {
    await withFileErrors('remove', temporary, () =>
      rm(temporary, { recursive: true, force: true }),
    );
    await createFolder(temporary);
    for (const [name, bytes] of Object.entries(contents)) {
      await writeSynced(join(temporary, name), bytes);
    }
    await writeSynced(join(temporary, MANIFEST), json(manifest));
    await syncFolder(temporary);
    // A refused checkpoint of the same step makes way.
    await withFileErrors('remove', path, () => rm(path, { recursive: true, force: true }));
    await withFileErrors('rename to', path, () => rename(temporary, path));
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw error;
  }
  await syncFolder(folder);
  return path;
}

/** Steps of the checkpoints in a folder, ascending; unfinished ones are not among them. */
export async function listCheckpoints(folder: string): Promise<number[]> {
  const names = await withFileErrors('list', folder, () => readdir(folder));
  return names
    .map((name) => FOLDER.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
}

/**
 * Reads one checkpoint and compares every file with the manifest.
 * @throws {RlError} `checkpoint-damaged`, naming the file and what differs.
 */
export async function loadCheckpoint(folder: string, step: number): Promise<Checkpoint> {
  const path = join(folder, folderName(step));
  const damaged = (what: string, cause?: unknown): RlError =>
    new RlError('checkpoint-damaged', `Checkpoint ${path} is damaged: ${what}.`, {
      cause,
      details: { path, step },
    });
  const manifest = parseManifest(await readIfPresent(join(path, MANIFEST)));
  if (manifest === null || manifest.step !== step) throw damaged(`${MANIFEST} is not valid`);
  const contents = new Map<string, Buffer>();
  for (const [name, { bytes, sha256 }] of Object.entries(manifest.files)) {
    const content = await readIfPresent(join(path, name));
    if (content === null) throw damaged(`${name} is missing`);
    if (content.length !== bytes) {
      throw damaged(`${name} has ${content.length} bytes, expected ${bytes}`);
    }
    if (hashOf(content) !== sha256) throw damaged(`${name} has another SHA-256 than the manifest`);
    contents.set(name, content);
  }
  const state = contents.get(STATE);
  if (state === undefined) throw damaged(`${STATE} is not in the manifest`);
  const arrays = [...contents]
    .filter(([name]) => name.endsWith(ARRAYS))
    .map(([name, content]) => [name.slice(0, -ARRAYS.length), decodeArrays(content)] as const);
  return { step, state: JSON.parse(state.toString()), arrays: Object.fromEntries(arrays) };
}

/**
 * The newest checkpoint that is whole, and the newer ones that are not.
 *
 * @returns `checkpoint` is null when the folder holds none.
 * @throws {RlError} `checkpoint-damaged` when there are checkpoints and all are damaged: starting over would
 * throw the run away.
 */
export async function latestCheckpoint(
  folder: string,
): Promise<{ checkpoint: Checkpoint | null; refused: readonly RefusedCheckpoint[] }> {
  const refused: RefusedCheckpoint[] = [];
  for (const step of (await listCheckpoints(folder)).reverse()) {
    try {
      return { checkpoint: await loadCheckpoint(folder, step), refused };
    } catch (error) {
      if (!(error instanceof RlError) || error.code !== 'checkpoint-damaged') throw error;
      refused.push({ step, path: join(folder, folderName(step)), reason: error.message });
    }
  }
  if (refused.length === 0) return { checkpoint: null, refused };
  throw new RlError(
    'checkpoint-damaged',
    `All ${refused.length} checkpoints in ${folder} are damaged. ${refused[0]?.reason ?? ''} Restore one, or start a new run folder.`,
    { details: { refused } },
  );
}

/** Removes all checkpoints but the given steps, unfinished ones, and what a crash left of earlier removals. */
export async function pruneCheckpoints(folder: string, keep: ReadonlySet<number>): Promise<void> {
  const names = await withFileErrors('list', folder, () => readdir(folder));
  for (const name of names) {
    const step = FOLDER.exec(name)?.[1];
    if (step !== undefined && keep.has(Number(step))) continue;
    if (step === undefined && !name.endsWith('.tmp')) continue;
    // Renamed first, so that a crash half-way leaves nothing that looks like a checkpoint.
    const path = join(folder, name);
    const doomed = name.endsWith('.tmp') ? path : `${path}.old.tmp`;
    if (doomed !== path) {
      await withFileErrors('rename', path, () => rename(path, doomed));
    }
    await withFileErrors('remove', doomed, () => rm(doomed, { recursive: true, force: true }));
  }
}

function parseManifest(bytes: Buffer | null): Manifest | null {
  if (bytes === null) return null;
  try {
    const value: unknown = JSON.parse(bytes.toString());
    const isManifest =
      typeof value === 'object' &&
      value !== null &&
      'version' in value &&
      value.version === 1 &&
      'step' in value &&
      'files' in value &&
      typeof value.files === 'object' &&
      value.files !== null;
    // The properties that are read are checked above; a wrong one inside `files` fails the comparison of hashes.
    return isManifest ? (value as unknown as Manifest) : null;
  } catch {
    return null; // Not JSON: the caller reports it as damaged.
  }
}
