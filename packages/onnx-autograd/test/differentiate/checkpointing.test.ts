import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { makeTensor } from '../../src/codec/tensor-values.js';
import {
  addLora,
  type DifferentiateOptions,
  differentiate,
  findLinearNodes,
  modelToBytes,
  type OnnxModel,
  readModel,
  type TensorLike,
} from '../../src/index.js';
import {
  feed,
  largest,
  largestDifference,
  type MadeNode,
  makeModel,
  runOnce,
  seededSingles,
  weight,
} from '../support/made-model.js';

const hidden = 8;
const heads = 2;
const layers = 4;
const sizes = ['q', 'k', 'v', 'o', 'gate', 'up'].map((name) => [name, [hidden, hidden]] as const);

/** A decoder without positions: norm, attention, residual; norm, gated product, residual. */
function transformer(): OnnxModel {
  const nodes: MadeNode[] = [];
  const node = (
    operator: string,
    inputs: string[],
    output: string,
    attributes: MadeNode['attributes'] = {},
  ): string => {
    nodes.push({ operator, inputs, outputs: [output], attributes });
    return output;
  };
  let stream = 'x';
  for (let layer = 0; layer < layers; layer++) {
    const at = (name: string): string => `layer${layer}/${name}`;
    const norm = (input: string, name: string): string =>
      node('SimplifiedLayerNormalization', [input, at(name)], `${at(name)}/out`, {
        epsilon: { float: 1e-5 },
      });
    const linear = (input: string, name: string): string =>
      node('MatMul', [input, at(name)], `${at(name)}/out`);
    const split = (input: string, name: string, perm: number[]): string =>
      node(
        'Transpose',
        [node('Reshape', [input, 'split'], at(`${name}/split`))],
        at(`${name}/heads`),
        { perm },
      );
    const normed = norm(stream, 'norm1');
    const [q, k, v] = ['q', 'k', 'v'].map((name) =>
      split(linear(normed, name), name, name === 'k' ? [0, 2, 3, 1] : [0, 2, 1, 3]),
    );
    const scores = node(
      'Softmax',
      [node('MatMul', [q ?? '', k ?? ''], at('scores'))],
      at('weights'),
      { axis: -1 },
    );
    const mixed = node(
      'Transpose',
      [node('MatMul', [scores, v ?? ''], at('mixed'))],
      at('turned'),
      { perm: [0, 2, 1, 3] },
    );
    const attended = linear(node('Reshape', [mixed, 'join'], at('joined')), 'o');
    stream = node('Add', [stream, attended], at('attended'));
    const second = norm(stream, 'norm2');
    const gate = linear(second, 'gate');
    const bent = node('Mul', [gate, node('Sigmoid', [gate], at('sigmoid'))], at('silu'));
    const product = node('Mul', [bent, linear(second, 'up')], at('gated'));
    stream = node(
      'Add',
      [stream, node('MatMul', [product, at('down')], at('down/out'))],
      at('stream'),
    );
  }
  node('Tanh', [stream], 'y');
  return makeModel({
    inputs: { x: ['float32', ['batch', 'length', hidden]] },
    initializers: [
      ...Array.from({ length: layers }, (_, layer) => [
        ...sizes.map(([name, dims], index) =>
          weight(`layer${layer}/${name}`, dims, 100 * layer + index, 0.6),
        ),
        weight(`layer${layer}/down`, [hidden, hidden], 100 * layer + 40, 0.6),
        weight(`layer${layer}/norm1`, [hidden], 100 * layer + 50, 1),
        weight(`layer${layer}/norm2`, [hidden], 100 * layer + 51, 1),
      ]).flat(),
      shape('split', [0, 0, heads, hidden / heads]),
      shape('join', [0, 0, hidden]),
    ],
    nodes,
    outputs: { y: ['float32', ['batch', 'length', hidden]] },
  });
}

function shape(name: string, values: readonly number[]): ReturnType<typeof weight> {
  return makeTensor(name, 'int64', [values.length], values);
}

/** Products and bends one after another. */
function perceptron(): OnnxModel {
  const depth = 9;
  return makeModel({
    inputs: { x: ['float32', ['rows', hidden]] },
    initializers: Array.from({ length: depth }, (_, layer) =>
      weight(`w${layer}`, [hidden, hidden], layer, 0.8),
    ),
    nodes: Array.from({ length: depth }, (_, layer) => [
      {
        operator: 'MatMul',
        inputs: [layer === 0 ? 'x' : `h${layer}`, `w${layer}`],
        outputs: [`p${layer}`],
      },
      {
        operator: 'Tanh',
        inputs: [`p${layer}`],
        outputs: [layer === depth - 1 ? 'y' : `h${layer + 1}`],
      },
    ]).flat(),
    outputs: { y: ['float32', ['rows', hidden]] },
  });
}

interface Network {
  readonly model: OnnxModel;
  readonly dims: readonly number[];
  readonly weights: readonly string[];
  readonly checkpoints: readonly string[];
}

const networks: Readonly<Record<string, Network>> = {
  'a transformer': {
    model: transformer(),
    dims: [2, 5, hidden],
    weights: ['layer0/q', 'layer0/norm1', 'layer1/down', 'layer3/k', 'layer3/up'],
    checkpoints: ['layer0/stream', 'layer1/attended', 'layer2/stream'],
  },
  'a perceptron': {
    model: perceptron(),
    dims: [4, hidden],
    weights: ['w0', 'w4', 'w8'],
    checkpoints: ['h2', 'p5', 'h8'],
  },
};

async function gradients(
  { model, dims }: Pick<Network, 'model' | 'dims'>,
  options: Omit<DifferentiateOptions, 'outputs'>,
  more: Readonly<Record<string, TensorLike>> = {},
): Promise<Record<string, number[]>> {
  const numbers = seededSingles(7, dims);
  return runOnce(differentiate(model, { outputs: ['y'], ...options }), {
    x: feed('float32', dims, numbers),
    'cotangent.y': feed('float32', dims, [...numbers].reverse()),
    ...more,
  });
}

async function expectSame(
  network: Pick<Network, 'model' | 'dims'>,
  wrt: readonly string[],
  checkpoints: 'auto' | readonly string[],
  more: Readonly<Record<string, TensorLike>> = {},
): Promise<void> {
  const [kept, recomputed] = await Promise.all([
    gradients(network, { wrt }, more),
    gradients(network, { wrt, checkpoints }, more),
  ]);
  for (const name of ['y', ...wrt.map((each) => `gradient.${each}`)]) {
    const reference = kept?.[name] ?? [];
    expect(largest(reference), name).toBeGreaterThan(0.01);
    expect(largestDifference(recomputed?.[name] ?? [], reference), name).toBeLessThanOrEqual(
      1e-6 * Math.max(1, largest(reference)),
    );
  }
}

const products: ReadonlySet<string> = new Set(['MatMul', 'FusedMatMul', 'Gemm']);

function countProducts(model: OnnxModel): number {
  return model.graph.nodes.filter(({ operator }) => products.has(operator)).length;
}

/** The graph as ONNX Runtime would run it, after all of its graph optimizations. */
async function optimized(model: OnnxModel): Promise<OnnxModel> {
  const folder = await mkdtemp(join(tmpdir(), 'optimized-'));
  try {
    const path = join(folder, 'optimized.onnx');
    const session = await InferenceSession.create(modelToBytes(model), {
      optimizedModelFilePath: path,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
    });
    await session.release();
    return readModel(path);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe.each(Object.entries(networks))('checkpoints of %s', (_, network) => {
  const { model, dims, weights, checkpoints } = network;

  it.each([
    ['chosen automatically', 'auto' as const],
    ['given', checkpoints],
    ['one', checkpoints.slice(1, 2)],
    ['none', []],
  ])('%s: the gradients of the input, of weights and of both', async (__, chosen) => {
    await expectSame(network, ['x'], chosen);
    await expectSame(network, weights, chosen);
    await expectSame(network, ['x', ...weights], chosen);
  });

  it('give the gradients of LoRA branches', async () => {
    const targets = findLinearNodes(model).map(({ output }, index) => ({
      output,
      name: `linear${index}`,
      rank: 2,
      scaling: 0.5,
    }));
    const adapted = addLora(model, { targets });
    const inputs = adapted.graph.inputs.slice(1);
    const more = Object.fromEntries(
      inputs.map(({ name, shape: declared }, index) => {
        const size = (declared ?? []).map(Number);
        return [name, feed('float32', size, seededSingles(500 + index, size, 0.4))];
      }),
    );
    expect(inputs.length).toBeGreaterThan(10);
    await expectSame(
      { model: adapted, dims },
      inputs.map(({ name }) => name),
      'auto',
      more,
    );
  });

  it('recompute products that ONNX Runtime does not merge with the first ones', async () => {
    const options = { outputs: ['y'], wrt: ['x', ...weights] };
    const plain = differentiate(model, options);
    const derived = differentiate(model, { ...options, checkpoints: 'auto' });
    const added = countProducts(derived) - countProducts(plain);
    // All but the last segment is computed twice, save the products whose results no rule asks for.
    expect(added).toBeGreaterThanOrEqual(countProducts(model) / 4);
    const [plainAfter, derivedAfter] = await Promise.all([optimized(plain), optimized(derived)]);
    expect(countProducts(derivedAfter) - countProducts(plainAfter)).toBe(added);
  });

  it('tie each recomputation to a gradient, so that it cannot start early', () => {
    const derived = differentiate(model, { outputs: ['y'], wrt: ['x'], checkpoints });
    const producers = new Map(
      derived.graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)),
    );
    const dependsOnCotangent = (name: string, seen = new Set<string>()): boolean => {
      if (name.startsWith('cotangent.')) return true;
      if (seen.has(name)) return false;
      seen.add(name);
      return producers.get(name)?.inputs.some((input) => dependsOnCotangent(input, seen)) === true;
    };
    const copies = derived.graph.nodes.filter(
      ({ operator, outputs }) =>
        products.has(operator) && outputs[0]?.includes('recompute/') === true,
    );
    expect(copies.length).toBeGreaterThan(0);
    for (const { outputs } of copies)
      expect(dependsOnCotangent(outputs[0] ?? ''), outputs[0]).toBe(true);
  });
});

it('refuses checkpoints that are not between wrt and outputs', () => {
  const { model } = networks['a perceptron'] ?? { model: perceptron() };
  const options = { outputs: ['h5'], wrt: ['h2'] };
  for (const name of ['h8', 'x', 'nowhere']) {
    expect(() => differentiate(model, { ...options, checkpoints: [name] })).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining(name) }),
    );
  }
});
