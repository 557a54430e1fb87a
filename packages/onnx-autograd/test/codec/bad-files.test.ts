import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { externalRange } from '../../src/codec/external-data.js';
import { readModel } from '../../src/codec/read-model.js';
import { readTensorValues } from '../../src/codec/tensor-values.js';
import { modelToBytes } from '../../src/codec/write-model.js';
import { OnnxAutogradError, type OnnxAutogradErrorCode } from '../../src/errors.js';
import { bytesOf, makeModel } from './support/made-models.js';
import { temporaryFolder } from './support/temporary-folder.js';

const root = temporaryFolder();
let count = 0;

function newFolder(): string {
  const path = join(root, `${count++}`);
  mkdirSync(path);
  return path;
}

/** A model with two float32 of external data at this place. */
function writeModelFile(
  folder: string,
  location: string,
  place: { offset?: string; length?: string; dims?: bigint[] } = {},
): string {
  const path = join(folder, 'model.onnx');
  const externalData = [
    { key: 'location', value: location },
    ...(['offset', 'length'] as const).flatMap((key) =>
      place[key] === undefined ? [] : [{ key, value: place[key] }],
    ),
  ];
  const tensor = {
    name: 'w',
    dims: place.dims ?? [2n],
    dataType: 1,
    dataLocation: 1,
    externalData,
  };
  writeFileSync(path, bytesOf(makeModel({ initializer: [tensor] })));
  return path;
}

function refusal(action: () => unknown, code: OnnxAutogradErrorCode): OnnxAutogradError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(OnnxAutogradError);
    const typed = error as OnnxAutogradError;
    expect(typed.code).toBe(code);
    expect(typed.path).toBeDefined();
    return typed;
  }
  throw new Error('nothing was thrown');
}

describe('a location that leaves the folder', () => {
  it.each([
    '../secret',
    'a/../../secret',
    'a/..',
    '..\\secret',
    '/etc/passwd',
    '\\\\server\\share',
    'C:\\secret',
    'c:secret',
    'w\0.bin',
  ])('%j is refused', (location) => {
    const folder = newFolder();
    writeFileSync(join(root, 'secret'), new Uint8Array(8));
    const path = writeModelFile(folder, location);
    const error = refusal(() => readModel(path), 'external-path');
    expect(error.path).toBe(location);
  });

  it('by a symbolic link is refused, for a file and for a folder', () => {
    const outside = newFolder();
    writeFileSync(join(outside, 'w.bin'), new Uint8Array(8));
    const folder = newFolder();
    symlinkSync(join(outside, 'w.bin'), join(folder, 'link.bin'));
    symlinkSync(outside, join(folder, 'sub'));
    for (const location of ['link.bin', 'sub/w.bin']) {
      const path = writeModelFile(folder, location);
      expect(refusal(() => readModel(path), 'external-path').message).toMatch(/symbolic link/);
    }
  });

  it('is refused in subgraphs and constants too', () => {
    const path = join(newFolder(), 'model.onnx');
    const outside = {
      dims: [2n],
      dataType: 1,
      dataLocation: 1,
      externalData: [{ key: 'location', value: '../x' }],
    };
    const attributes = [
      { name: 'value', type: 4, t: outside },
      { name: 'branch', type: 5, g: { initializer: [outside] } },
      { name: 'sparse', type: 11, sparseTensor: { values: outside } },
    ];
    for (const attribute of attributes) {
      const model = makeModel({ node: [{ opType: 'A', attribute: [attribute] }] });
      writeFileSync(path, bytesOf(model));
      refusal(() => readModel(path), 'external-path');
    }
  });

  it('but a link that stays inside is followed', () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'w.bin'), new Uint8Array(Float32Array.of(3, 4).buffer));
    symlinkSync('w.bin', join(folder, 'link.bin'));
    const model = readModel(writeModelFile(folder, 'link.bin'));
    expect(readTensorValues(model.graph.initializers[0]!, model.directory)).toEqual([3, 4]);
  });

  it('and a model that is reached by a link has the folder of its target', () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'w.bin'), new Uint8Array(8));
    const path = writeModelFile(folder, 'w.bin');
    const link = join(newFolder(), 'link.onnx');
    symlinkSync(path, link);
    expect(readModel(link).directory).toBe(folder);
  });
});

describe('a data file', () => {
  it('that is missing is refused with its path', () => {
    const folder = newFolder();
    const path = writeModelFile(folder, 'missing.bin');
    const error = refusal(() => readModel(path), 'file');
    expect(error.path).toBe(join(folder, 'missing.bin'));
    expect(error.cause).toBeInstanceOf(Error);
  });

  it.each([
    ['without a length', {}],
    ['with its length', { length: '8' }],
    ['with an offset', { offset: '1', length: '8' }],
    ['with an offset past the end', { offset: '100' }],
    ['with an offset of 2^53 - 1', { offset: '9007199254740991' }],
  ])('that is too short %s is refused', (_what, place) => {
    const folder = newFolder();
    writeFileSync(join(folder, 'w.bin'), new Uint8Array('offset' in place ? 8 : 7));
    const path = writeModelFile(folder, 'w.bin', place);
    expect(refusal(() => readModel(path), 'file').message).toMatch(/truncated/);
  });

  it('that holds less than 2^50 elements is refused without a try to read it', () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'w.bin'), new Uint8Array(8));
    const path = writeModelFile(folder, 'w.bin', { dims: [2n ** 25n, 2n ** 25n] });
    refusal(() => readModel(path), 'file');
  });

  it('without an offset starts at 0, and takes as much as the shape needs', () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'w.bin'), new Uint8Array(Float32Array.of(1, 2, 3).buffer));
    const model = readModel(writeModelFile(folder, 'w.bin'));
    expect(externalRange(model.graph.initializers[0]!, model.directory)).toMatchObject({
      offset: 0,
      length: 8,
    });
  });

  it('that vanishes or shrinks afterwards is refused when it is read', () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'w.bin'), new Uint8Array(8));
    const model = readModel(writeModelFile(folder, 'w.bin'));
    truncateSync(join(folder, 'w.bin'), 4);
    refusal(() => modelToBytes(model), 'file');
    rmSync(join(folder, 'w.bin'));
    refusal(() => modelToBytes(model), 'file');
    rmSync(folder, { recursive: true });
    refusal(() => modelToBytes(model), 'file');
  });
});

/** Things that are no regular files, made anew at a path. */
const notFiles: readonly [string, (path: string) => void][] = [
  ['a folder', (path) => mkdirSync(path)],
  ['a pipe', (path) => void execFileSync('mkfifo', [path])],
  ['a device', (path) => symlinkSync('/dev/zero', path)],
];

describe('what is no file', () => {
  it.each(notFiles)('%s is refused as a model', (_what, make) => {
    const path = join(newFolder(), 'model.onnx');
    make(path);
    expect(refusal(() => readModel(path), 'file').message).toMatch(/expected a file/);
  });

  it.each(notFiles.slice(0, 2))('%s is refused as data', (_what, make) => {
    const folder = newFolder();
    make(join(folder, 'w.bin'));
    const path = writeModelFile(folder, 'w.bin');
    expect(refusal(() => readModel(path), 'file').message).toMatch(/expected a file/);
  });

  it('a device is refused as data, as it lies elsewhere', () => {
    const folder = newFolder();
    symlinkSync('/dev/zero', join(folder, 'w.bin'));
    const path = writeModelFile(folder, 'w.bin');
    refusal(() => readModel(path), 'external-path');
  });

  it('a link to itself is refused', () => {
    const folder = newFolder();
    symlinkSync('w.bin', join(folder, 'w.bin'));
    const path = writeModelFile(folder, 'w.bin');
    refusal(() => readModel(path), 'file');
    symlinkSync('loop.onnx', join(folder, 'loop.onnx'));
    refusal(() => readModel(join(folder, 'loop.onnx')), 'file');
  });
});

describe('a model file', () => {
  it.each(['', 'missing.onnx', 'a\0b.onnx', 'model.onnx/inside'])('%j is refused', (name) => {
    const folder = newFolder();
    writeFileSync(join(folder, 'model.onnx'), bytesOf(makeModel({})));
    refusal(() => readModel(name === '' ? folder : `${folder}/${name}`), 'file');
  });

  it('is named with the byte at which it is wrong', () => {
    const path = join(newFolder(), 'model.onnx');
    writeFileSync(path, bytesOf(makeModel({ name: 'long enough' })).subarray(0, 12));
    const error = refusal(() => readModel(path), 'malformed-model');
    expect(error.path).toBe(path);
    expect(error.byteOffset).toBeGreaterThan(0);
    expect(error.message).toContain(path);
  });

  it('may be given as a URL', () => {
    const path = join(newFolder(), 'a b#c.onnx');
    writeFileSync(path, bytesOf(makeModel({})));
    expect(readModel(pathToFileURL(path)).graph.name).toBe('made');
  });

  it('that was replaced by another since is not read for its weights', () => {
    const path = join(newFolder(), 'model.onnx');
    const weight = { name: 'w', dims: [2n], dataType: 1, rawData: new Uint8Array(8) };
    writeFileSync(path, bytesOf(makeModel({ initializer: [weight] })));
    const model = readModel(path);
    expect(readTensorValues(model.graph.initializers[0]!, model.directory)).toEqual([0, 0]);
    // The same size, and a second later.
    writeFileSync(path, bytesOf(makeModel({ initializer: [weight] })));
    const later = new Date(Date.UTC(2030, 0, 1));
    utimesSync(path, later, later);
    const error = refusal(
      () => readTensorValues(model.graph.initializers[0]!, model.directory),
      'file',
    );
    expect(error.message).toMatch(/was changed since the model was read/);
  });
});
