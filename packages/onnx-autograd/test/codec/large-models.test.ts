import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tensor } from 'onnxruntime-node';
import { expect, it } from 'vitest';
import { encodeModel } from '../../src/codec/encode.js';
import { readModel } from '../../src/codec/read-model.js';
import { modelToBytes } from '../../src/codec/write-model.js';
import { OnnxAutogradError } from '../../src/errors.js';
import {
  columns,
  firstRow,
  lastRow,
  writeLargeExternal,
  writeLargeInline,
} from './support/large-models.js';
import { runModel } from './support/run-model.js';
import { temporaryFolder } from './support/temporary-folder.js';

const folder = temporaryFolder();
const script = fileURLToPath(new URL('./support/open-large-model.ts', import.meta.url));

interface Measured {
  readonly openMs: number;
  readonly openMegabytes: number;
  readonly allMegabytes: number;
  readonly weightBytes: number;
}

function measure(path: string, derivedPath: string): Measured {
  const output = execFileSync(process.execPath, ['--import', 'tsx', script, path, derivedPath], {
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
    encoding: 'utf8',
  });
  // What the script prints.
  return JSON.parse(output) as Measured;
}

it.each([
  ['1.9 GB inside the model', 475_000, writeLargeInline],
  ['3 GB in a file of its own', 750_000, writeLargeExternal],
] as const)(
  'opens %s without reading it, and runs a model that refers to it',
  async (_what, rows, write) => {
    const path = write(folder, rows);
    const derivedPath = join(folder, 'derived.onnx');
    const measured = measure(path, derivedPath);
    expect(measured.weightBytes).toBe(rows * columns * 4);
    expect(measured.openMs).toBeLessThan(1000);
    expect(measured.openMegabytes).toBeLessThan(50);
    expect(measured.allMegabytes).toBeLessThan(50);
    expect(statSync(derivedPath).size).toBeLessThan(1000);

    const index = new Tensor('int64', BigInt64Array.of(0n, BigInt(rows - 1)), [2]);
    const expected = Buffer.concat(
      [firstRow, lastRow].map(
        (value) => new Uint8Array(new Float32Array(columns).fill(value).buffer),
      ),
    ).toString('base64');
    expect(await runModel(derivedPath, { index })).toEqual({ y: expected });
    // The same from bytes, as sessions get it.
    const bytes = encodeModel(readModel(path), { weights: 'external' }).toBytes();
    expect(Buffer.compare(bytes, readFileSync(derivedPath))).toBe(0);
    expect(await runModel(bytes, { index }, folder)).toEqual({ y: expected });
  },
);

it('refuses to put more than 2 GiB inside, before it makes room for it', () => {
  const model = readModel(writeLargeExternal(folder, 750_000));
  const before = process.memoryUsage().rss;
  expect(() => modelToBytes(model)).toThrow(OnnxAutogradError);
  expect(() => modelToBytes(model)).toThrow(/3000000\d\d\d bytes long/);
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
});
