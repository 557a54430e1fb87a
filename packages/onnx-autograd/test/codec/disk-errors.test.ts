import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { readModel } from '../../src/codec/read-model.js';
import { writeModel } from '../../src/codec/write-model.js';
import { OnnxAutogradError } from '../../src/errors.js';
import { bytesOf } from './support/made-models.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { insideWeight, weightedModel, weightOf, weightValues } from './support/weighted-model.js';

/** What the file system does next: bytes until it is full, most bytes at a time, renames until one fails. */
const disk = vi.hoisted(() => ({
  free: Number.POSITIVE_INFINITY,
  atOnce: Number.POSITIVE_INFINITY,
  renames: Number.POSITIVE_INFINITY,
}));

vi.mock('node:fs', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:fs')>();
  const failure = (code: string): Error =>
    Object.assign(new Error(`${code}: by the test`), { code });
  return {
    ...original,
    writeSync: (descriptor: number, bytes: Uint8Array, start: number, length: number): number => {
      const count = Math.min(length, disk.atOnce, disk.free);
      if (count <= 0) throw failure('ENOSPC');
      disk.free -= count;
      return original.writeSync(descriptor, bytes, start, count);
    },
    renameSync: (from: string, to: string): void => {
      if (disk.renames === 0) {
        // Only the one fails: what is put back afterwards works.
        disk.renames = Number.POSITIVE_INFINITY;
        throw failure('EIO');
      }
      disk.renames--;
      original.renameSync(from, to);
    },
  };
});

const folder = temporaryFolder();
let count = 0;

function newModel(): { directory: string; path: string } {
  const directory = join(folder, `${count++}`);
  mkdirSync(directory);
  const path = join(directory, 'model.onnx');
  writeFileSync(
    path,
    bytesOf(weightedModel((name) => insideWeight(name, weightValues[name] ?? 0))),
  );
  return { directory, path };
}

beforeEach(() => {
  Object.assign(disk, {
    free: Number.POSITIVE_INFINITY,
    atOnce: Number.POSITIVE_INFINITY,
    renames: Number.POSITIVE_INFINITY,
  });
});

function contents(directory: string): [string, string][] {
  return readdirSync(directory)
    .sort()
    .map((name) => [name, digestOf(readFileSync(join(directory, name)))]);
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function failureOf(action: () => void): OnnxAutogradError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(OnnxAutogradError);
    return error as OnnxAutogradError;
  }
  throw new Error('nothing was thrown');
}

describe('a disk that is full', () => {
  // The model takes about half a megabyte: in its first bytes, within a weight, in its last bytes.
  it.each([0, 1, 300, 200_000, 524_200])('after %i bytes leaves everything as it was', (free) => {
    for (const weights of ['inline', 'copy'] as const) {
      const { directory, path } = newModel();
      writeFileSync(`${path}_data`, 'older data');
      const before = contents(directory);
      const model = readModel(path);
      disk.free = free;
      const error = failureOf(() => writeModel(model, path, { weights }));
      disk.free = Number.POSITIVE_INFINITY;
      expect(error.code).toBe('file');
      expect(error.message).toMatch(/Cannot write .*ENOSPC/);
      expect(contents(directory)).toEqual(before);
    }
  });
});

describe('a rename that fails', () => {
  // Four renames replace a model and its data: two to move the old ones aside, two for the new ones.
  it.each([0, 1, 2, 3])('after %i others leaves everything as it was', (renames) => {
    const { directory, path } = newModel();
    writeFileSync(`${path}_data`, 'older data');
    const before = contents(directory);
    const model = readModel(path);
    disk.renames = renames;
    const error = failureOf(() => writeModel(model, path, { weights: 'copy' }));
    expect(error.code).toBe('file');
    expect(error.message).toMatch(/Cannot write .*EIO/);
    expect(contents(directory)).toEqual(before);
  });

  it('removes the new data file when there was none before', () => {
    const { directory, path } = newModel();
    const before = contents(directory);
    const model = readModel(path);
    // The model is moved aside, the data file gets its name, the model does not.
    disk.renames = 2;
    failureOf(() => writeModel(model, path, { weights: 'copy' }));
    expect(contents(directory)).toEqual(before);
  });
});

describe('a disk that takes a few bytes at a time', () => {
  it('gets all of them', () => {
    const { directory, path } = newModel();
    const model = readModel(path);
    disk.atOnce = 1000;
    writeModel(model, join(directory, 'copy.onnx'), { weights: 'copy' });
    const [weight] = readModel(join(directory, 'copy.onnx')).graph.initializers;
    if (weight?.data.kind !== 'external') throw new Error('expected an external weight');
    const { offset, length = 0 } = weight.data;
    const data = readFileSync(join(directory, 'copy.onnx_data'));
    expect(data.subarray(offset, offset + length).equals(weightOf(2))).toBe(true);
  });
});
