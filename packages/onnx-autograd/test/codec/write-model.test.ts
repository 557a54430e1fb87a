import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { OnnxModel } from '../../src/codec/model.js';
import { readModel } from '../../src/codec/read-model.js';
import { makeRawTensor } from '../../src/codec/tensor-values.js';
import { modelToBytes, writeModel } from '../../src/codec/write-model.js';
import { OnnxAutogradError } from '../../src/errors.js';
import { expectSameModel, parseModel, resolveExternalData } from './support/independent-reader.js';
import { bytesOf, makeModel } from './support/made-models.js';
import { runModel } from './support/run-model.js';
import { temporaryFolder } from './support/temporary-folder.js';
import {
  insideWeight,
  outsideWeight,
  weightBytes,
  weightElements,
  weightedModel,
  weightOf,
  weightValues,
} from './support/weighted-model.js';

const folder = temporaryFolder();
let folderCount = 0;

function newFolder(): string {
  const path = join(folder, `${folderCount++}`);
  mkdirSync(path);
  return path;
}

const inside = weightedModel((name) => insideWeight(name, weightValues[name] ?? 0));

/** A model file with all weights inside. */
function writeInside(directory: string): string {
  const path = join(directory, 'model.onnx');
  writeFileSync(path, bytesOf(inside));
  return path;
}

/** The same model with all weights in `weights/all.bin`, where they do not start at round places. */
function writeOutside(directory: string): string {
  const path = join(directory, 'model.onnx');
  const names = Object.keys(weightValues);
  const place = (name: string): number => 12 + names.indexOf(name) * weightBytes;
  writeFileSync(
    path,
    bytesOf(weightedModel((name) => outsideWeight(name, 'weights/all.bin', place(name)))),
  );
  mkdirSync(join(directory, 'weights'));
  writeFileSync(
    join(directory, 'weights', 'all.bin'),
    Buffer.concat([Buffer.alloc(12), ...names.map((name) => weightOf(weightValues[name] ?? 0))]),
  );
  return path;
}

/** x = 1 everywhere: y is the product of the weights on the way. */
async function expectRuns(path: string): Promise<void> {
  for (const [condition, expected] of [
    [true, 2 * 3 * 5],
    [false, 2 * 3 * 7],
  ] as const) {
    const { y } = await runModel(path, {
      x: new Tensor('float32', new Float32Array(weightElements).fill(1), [weightElements]),
      condition: new Tensor('bool', [condition], []),
    });
    expect(y === Buffer.from(weightOf(expected)).toString('base64')).toBe(true);
  }
}

/** Expects the model at `path` to be the original, wherever its weights are. */
function expectOriginal(path: string): void {
  const model = resolveExternalData(parseModel(readFileSync(path)), dirname(path));
  // Data location and entries are where the two may differ; nothing else.
  expectSameModel(model, parseModel(bytesOf(inside)));
}

function locationsOf(model: OnnxModel): unknown[] {
  return model.graph.initializers.map(({ data }) =>
    data.kind === 'external' ? data.location : data.kind,
  );
}

function expectError(action: () => void, code: string, message: RegExp): OnnxAutogradError {
  let error: unknown;
  try {
    action();
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(OnnxAutogradError);
  const typed = error as OnnxAutogradError;
  expect(typed.code).toBe(code);
  expect(typed.message).toMatch(message);
  return typed;
}

describe.each([
  ['inside the model', writeInside],
  ['in a file of their own', writeOutside],
] as const)('a model with its weights %s', (_where, write) => {
  it.each([
    ['reference', 'beside it'],
    ['copy', 'beside it'],
    ['inline', 'beside it'],
    ['copy', 'in another folder'],
    ['inline', 'in another folder'],
    [undefined, 'beside it'],
    [undefined, 'in another folder'],
  ] as const)('is written by %s %s and runs the same', async (weights, where) => {
    const source = write(newFolder());
    const before = statSync(source);
    const target = join(where === 'beside it' ? dirname(source) : newFolder(), 'derived.onnx');
    writeModel(readModel(source), target, weights === undefined ? {} : { weights });

    expectOriginal(target);
    await expectRuns(target);
    expect(readdirSync(dirname(target)).filter((name) => /\.(tmp|old)$/.test(name))).toEqual([]);
    expect(statSync(source).mtimeMs).toBe(before.mtimeMs);
    // Small where the weights stay outside.
    const expectsInside =
      weights === 'inline' || (weights === undefined && where === 'in another folder');
    expect(statSync(target).size > weightBytes).toBe(expectsInside);
    expect(readdirSync(dirname(target)).includes('derived.onnx_data')).toBe(weights === 'copy');
  });

  it.each(['copy', 'inline', undefined] as const)(
    'is written over itself by %s',
    async (weights) => {
      const path = write(newFolder());
      writeModel(readModel(path), path, weights === undefined ? {} : { weights });
      expectOriginal(path);
      await expectRuns(path);
      // And once more over what was written.
      writeModel(readModel(path), path, weights === undefined ? {} : { weights });
      expectOriginal(path);
      await expectRuns(path);
      expect(readdirSync(dirname(path)).filter((name) => /\.(tmp|old)$/.test(name))).toEqual([]);
    },
  );
});

describe('the default', () => {
  const small = (elements: number): OnnxModel => {
    const model = readModel(bytesOf(makeModel({})));
    const tensor = makeRawTensor('w', 'uint8', [elements], new Uint8Array(elements));
    return { ...model, graph: { ...model.graph, initializers: [tensor] } };
  };

  it('puts up to 1 MiB of weights in memory inside, and more beside', () => {
    const directory = newFolder();
    writeModel(small(2 ** 20), join(directory, 'a.onnx'));
    expect(readdirSync(directory)).toEqual(['a.onnx']);
    writeModel(small(2 ** 20 + 1), join(directory, 'b.onnx'));
    expect(readdirSync(directory)).toEqual(['a.onnx', 'b.onnx', 'b.onnx_data']);
    expect(locationsOf(readModel(join(directory, 'b.onnx')))).toEqual(['b.onnx_data']);
  });

  it('leaves tensors below 64 KiB inside', () => {
    const directory = newFolder();
    writeModel(small(65_535), join(directory, 'a.onnx'), { weights: 'copy' });
    expect(readdirSync(directory)).toEqual(['a.onnx']);
    writeModel(small(65_536), join(directory, 'a.onnx'), { weights: 'copy' });
    expect(readdirSync(directory)).toEqual(['a.onnx', 'a.onnx_data']);
  });

  it('keeps references when a little is added in memory', () => {
    const directory = newFolder();
    const model = readModel(writeInside(directory));
    const added = makeRawTensor('added', 'uint8', [70_000], new Uint8Array(70_000));
    const larger = {
      ...model,
      graph: { ...model.graph, initializers: [...model.graph.initializers, added] },
    };
    writeModel(larger, join(directory, 'derived.onnx'));
    expect(locationsOf(readModel(join(directory, 'derived.onnx')))).toEqual(['model.onnx', 'raw']);
  });

  it('does not refer to a file that it replaces by another name of its folder', async () => {
    const directory = newFolder();
    writeInside(directory);
    const alias = join(folder, 'alias');
    symlinkSync(directory, alias);
    const path = join(alias, 'model.onnx');
    writeModel(readModel(path), path);
    expect(locationsOf(readModel(path))).toEqual(['raw']);
    await expectRuns(path);
  });
});

describe('copied weights', () => {
  it('start at multiples of 4096 and are stored once when shared', () => {
    const directory = newFolder();
    const model = readModel(writeInside(directory));
    const [weight] = model.graph.initializers;
    const odd = makeRawTensor('odd', 'uint8', [65_537], new Uint8Array(65_537).fill(9));
    const twice = {
      ...model,
      graph: {
        ...model.graph,
        initializers: [odd, weight!, { ...weight!, name: 'same' }],
      },
    };
    const path = join(directory, 'copy.onnx');
    writeModel(twice, path, { weights: 'copy' });
    const places = readModel(path).graph.initializers.map(({ data }) =>
      data.kind === 'external' ? [data.offset, data.length] : data.kind,
    );
    // The branches' weights and the constant come first, as nodes are written first: three of 128 KiB.
    expect(places).toEqual([
      [3 * weightBytes, 65_537],
      [3 * weightBytes + 17 * 4096, weightBytes],
      [3 * weightBytes + 17 * 4096, weightBytes],
    ]);
    expect(statSync(`${path}_data`).size).toBe(4 * weightBytes + 17 * 4096);
  });

  it('do not keep the checksum of the file that they come from', () => {
    const directory = newFolder();
    writeFileSync(join(directory, 'w.bin'), weightOf(2));
    const weight = outsideWeight('weight', 'w.bin', 0);
    const withChecksum = {
      ...weight,
      externalData: [...(weight.externalData ?? []), { key: 'checksum', value: 'abc' }],
    };
    const path = join(directory, 'model.onnx');
    writeFileSync(path, bytesOf(makeModel({ initializer: [withChecksum] })));
    const entriesOf = (file: string): unknown => {
      const data = readModel(file).graph.initializers[0]?.data;
      return data?.kind === 'external' ? [data.location, ...data.entries] : data?.kind;
    };
    writeModel(readModel(path), join(directory, 'reference.onnx'), { weights: 'reference' });
    expect(entriesOf(join(directory, 'reference.onnx'))).toEqual(['w.bin', ['checksum', 'abc']]);
    writeModel(readModel(path), join(directory, 'copy.onnx'), { weights: 'copy' });
    expect(entriesOf(join(directory, 'copy.onnx'))).toEqual(['copy.onnx_data']);
  });

  it('include those of sparse tensors, functions and training graphs', () => {
    const directory = newFolder();
    writeFileSync(
      join(directory, 'w.bin'),
      Buffer.concat([weightOf(1), weightOf(2), weightOf(3), weightOf(4)]),
    );
    const at = (index: number) => outsideWeight(`w${index}`, 'w.bin', index * weightBytes);
    const sparse = {
      values: at(0),
      indices: { dims: [BigInt(weightElements)], dataType: 7, int64Data: indices() },
      dims: [BigInt(weightElements)],
    };
    const original = makeModel(
      {
        sparseInitializer: [sparse],
        node: [
          {
            opType: 'A',
            output: ['y'],
            attribute: [{ name: 's', type: 11, sparseTensor: { ...sparse, values: at(1) } }],
          },
        ],
      },
      {
        functions: [
          {
            name: 'f',
            node: [
              {
                opType: 'Constant',
                output: ['c'],
                attribute: [{ name: 'value', type: 4, t: at(2) }],
              },
            ],
          },
        ],
        trainingInfo: [{ initialization: { name: 'i', initializer: [at(3)] } }],
      },
    );
    const path = join(directory, 'model.onnx');
    writeFileSync(path, bytesOf(original));
    const expected = resolveExternalData(parseModel(bytesOf(original)), directory);

    const model = readModel(path);
    expectSameModel(parseModel(modelToBytes(model)), expected);
    const target = join(newFolder(), 'moved.onnx');
    writeModel(model, target, { weights: 'copy' });
    expect(statSync(`${target}_data`).size).toBe(4 * weightBytes);
    expectSameModel(
      resolveExternalData(parseModel(readFileSync(target)), dirname(target)),
      expected,
    );
  });
});

function indices(): bigint[] {
  return Array.from({ length: weightElements }, (_, index) => BigInt(index));
}

describe('writeModel refuses', () => {
  it('to refer to the file that it replaces', () => {
    const path = writeInside(newFolder());
    const before = readFileSync(path);
    const model = readModel(path);
    expectError(
      () => writeModel(model, path, { weights: 'reference' }),
      'invalid-argument',
      /refer to weights inside the file that it replaces/,
    );
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('to refer to weights outside of the folder', () => {
    const model = readModel(writeOutside(newFolder()));
    const target = join(newFolder(), 'model.onnx');
    expectError(
      () => writeModel(model, target, { weights: 'reference' }),
      'external-path',
      /needs every weight under/,
    );
    expect(readdirSync(dirname(target))).toEqual([]);
  });

  it('a folder that is not there, and a folder in the place of the file', () => {
    const model = readModel(bytesOf(makeModel({})));
    const missing = join(newFolder(), 'missing', 'model.onnx');
    expect(expectError(() => writeModel(model, missing), 'file', /there is no folder/).path).toBe(
      missing,
    );
    const directory = newFolder();
    mkdirSync(join(directory, 'taken'));
    expectError(() => writeModel(model, join(directory, 'taken')), 'file', /not a file/);
    expect(readdirSync(directory)).toEqual(['taken']);
  });

  it('a folder in the place of the data file, and leaves the model as it was', async () => {
    const path = writeInside(newFolder());
    mkdirSync(`${path}_data`);
    const model = readModel(path);
    expectError(() => writeModel(model, path, { weights: 'copy' }), 'file', /not a file/);
    await expectRuns(path);
  });

  it('a file system where nothing can be written', () => {
    const model = readModel(bytesOf(makeModel({})));
    const unwritable = process.platform === 'linux' ? '/proc/model.onnx' : '/dev/null/model.onnx';
    expectError(() => writeModel(model, unwritable), 'file', /Cannot write/);
  });
});

describe('a model whose file was replaced', () => {
  it('does not read the weights from their old places', () => {
    const path = writeInside(newFolder());
    const model = readModel(path);
    writeModel(readModel(path), path, { weights: 'copy' });
    expectError(() => modelToBytes(model), 'file', /was changed since the model was read/);
    const derived = join(dirname(path), 'derived.onnx');
    expectError(() => writeModel(model, derived), 'file', /was changed since/);
    expect(readdirSync(dirname(path)).includes('derived.onnx')).toBe(false);
  });

  it('keeps other hard links of the file as they were', async () => {
    const path = writeInside(newFolder());
    const link = join(dirname(path), 'link.onnx');
    linkSync(path, link);
    writeModel(readModel(path), path, { weights: 'copy' });
    await expectRuns(link);
  });
});
