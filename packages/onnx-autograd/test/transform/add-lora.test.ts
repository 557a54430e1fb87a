import { describe, expect, it } from 'vitest';
import { makeTensor } from '../../src/codec/tensor-values.js';
import {
  addLora,
  createSession,
  differentiate,
  findLinearNodes,
  type LoraTarget,
  type OnnxModel,
  type TensorLike,
} from '../../src/index.js';
import { toDoublePrecision } from '../support/double-precision.js';
import {
  feed,
  largest,
  largestDifference,
  type MadeNode,
  makeModel,
  runOnce,
  seededNumbers,
  seededSingles,
  weight,
} from '../support/made-model.js';

const bytes = seededNumbers(9, 6 * 2 * 8).map((value) => Math.floor((value + 1) * 128));

interface Layer {
  readonly node: Omit<MadeNode, 'outputs'>;
  /** Whether the layer computes in half precision. */
  readonly half?: boolean;
}

const layers: Readonly<Record<string, Layer>> = {
  MatMul: { node: { operator: 'MatMul', inputs: ['x', 'kn'] } },
  'FusedMatMul, transposed and scaled': {
    node: {
      operator: 'FusedMatMul',
      domain: 'com.microsoft',
      inputs: ['x', 'nk'],
      attributes: { transB: 1, alpha: { float: 0.5 } },
    },
  },
  'Gemm with a bias': { node: { operator: 'Gemm', inputs: ['flat', 'kn', 'bias'] } },
  'Gemm, transposed and scaled': {
    node: {
      operator: 'Gemm',
      inputs: ['flat', 'nk'],
      attributes: { transB: 1, alpha: { float: 2 } },
    },
  },
  'MatMul of a transposed weight': { node: { operator: 'MatMul', inputs: ['x', 'turned'] } },
  MatMulNBits: {
    node: {
      operator: 'MatMulNBits',
      domain: 'com.microsoft',
      inputs: ['x', 'quantized', 'scales'],
      attributes: { K: 32, N: 6, bits: 4, block_size: 16 },
    },
  },
  'MatMul in half precision': { node: { operator: 'MatMul', inputs: ['x16', 'kn16'] }, half: true },
};

function modelOf({ node }: Layer): OnnxModel {
  const isFlat = node.inputs[0] === 'flat';
  return makeModel({
    inputs: { x: ['float32', ['batch', 'length', 32]] },
    initializers: [
      weight('kn', [32, 6], 2),
      weight('nk', [6, 32], 3),
      makeTensor('kn16', 'float16', [32, 6], seededSingles(2, [32, 6], 0.5)),
      weight('bias', [6], 4),
      makeTensor('quantized', 'uint8', [6, 2, 8], bytes),
      makeTensor('scales', 'float32', [6, 2], seededSingles(5, [6, 2], 0.1)),
      makeTensor('rows', 'int64', [2], [-1, 32]),
    ],
    nodes: [
      { operator: 'Reshape', inputs: ['x', 'rows'], outputs: ['flat'] },
      { operator: 'Cast', inputs: ['x'], outputs: ['x16'], attributes: { to: 10 } },
      { operator: 'Transpose', inputs: ['nk'], outputs: ['turned'], attributes: { perm: [1, 0] } },
      { ...node, outputs: ['layer'] },
      { operator: 'Cast', inputs: ['layer'], outputs: ['wide'], attributes: { to: 1 } },
      { operator: 'Tanh', inputs: ['wide'], outputs: ['y'] },
    ],
    outputs: { y: ['float32', isFlat ? ['rows', 6] : ['batch', 'length', 6]] },
  });
}

const rank = 3;
const target: LoraTarget = { output: 'layer', name: 'block.q_proj', rank, scaling: 1.5 };
const [nameA, nameB] = ['block.q_proj.lora_A.weight', 'block.q_proj.lora_B.weight'];
const x = feed('float32', [2, 2, 32], seededSingles(1, [2, 2, 32]));
const a = seededSingles(6, [rank, 32], 0.3);
const b = seededSingles(7, [6, rank], 0.3);
const adapter = (
  left: readonly number[],
  right: readonly number[],
): Record<string, TensorLike> => ({
  [nameA]: feed('float32', [rank, 32], left),
  [nameB]: feed('float32', [6, rank], right),
});

describe.each(Object.entries(layers))('addLora beside %s', (_, layer) => {
  const model = modelOf(layer);
  const adapted = addLora(model, { targets: [target] });

  it('is found, with its sizes', () => {
    const found = findLinearNodes(model);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({
      output: 'layer',
      operator: layer.node.operator,
      inFeatures: 32,
      outFeatures: 6,
    });
  });

  it('declares A and B as PEFT lays them out', () => {
    const added = adapted.graph.inputs.slice(1);
    expect(added.map(({ name, shape, type }) => ({ name, shape, type }))).toEqual([
      { name: nameA, shape: [rank, 32], type: 'float32' },
      { name: nameB, shape: [6, rank], type: 'float32' },
    ]);
  });

  it('with B = 0 gives the base bit for bit', async () => {
    const base = await runOnce(model, { x });
    const zero = new Array<number>(6 * rank).fill(0);
    const same = await runOnce(adapted, { x, ...adapter(a, zero) });
    expect(base.y?.length).toBe(24);
    // ONNX Runtime computes half precision in single precision on a CPU, and rounds where the graph lets it:
    // not after a layer that is widened at once, but after a sum. One rounding of numbers below 1 is 2⁻¹².
    if (layer.half === true) {
      expect(largestDifference(same.y ?? [], base.y ?? [])).toBeLessThanOrEqual(2 ** -11);
    } else expect(same.y).toEqual(base.y);
  });

  it('adds scaling · x Aᵀ Bᵀ', async () => {
    const last = { ...adapted, graph: { ...adapted.graph, outputs: outputOf('wide') } };
    const bare = { ...model, graph: { ...model.graph, outputs: outputOf('wide') } };
    const [with_, without] = await Promise.all([
      runOnce(last, { x, ...adapter(a, b) }),
      runOnce(bare, { x }),
    ]);
    const input = Array.from(x.data as Float32Array);
    const branch = Array.from({ length: 24 }, (__, index) => {
      const [row, column] = [Math.floor(index / 6), index % 6];
      let sum = 0;
      for (let r = 0; r < rank; r++) {
        for (let k = 0; k < 32; k++)
          sum += (input[row * 32 + k] ?? 0) * (a[r * 32 + k] ?? 0) * (b[column * rank + r] ?? 0);
      }
      return 1.5 * sum;
    });
    const difference = (with_.wide ?? []).map(
      (value, index) => value - (without.wide?.[index] ?? Number.NaN),
    );
    expect(largest(branch)).toBeGreaterThan(0.1);
    expect(largestDifference(difference, branch)).toBeLessThanOrEqual(
      layer.half === true ? 5e-3 : 1e-5,
    );
  });

  it('has the gradients of central differences', async () => {
    const wrt = [nameA, nameB];
    const dims = layer.node.inputs[0] === 'flat' ? [4, 6] : [2, 2, 6];
    const cotangent = seededSingles(8, dims);
    const single = await runOnce(differentiate(adapted, { outputs: ['y'], wrt }), {
      x,
      ...adapter(a, b),
      'cotangent.y': feed('float32', dims, cotangent),
    });
    // A branch beside 4-bit or half-precision layers stays in single precision, and so do its differences.
    const isWide = layer.half !== true && layer.node.operator !== 'MatMulNBits';
    const written = differentiate(addLora(model, { targets: [target], target: 'webgpu' }), {
      outputs: ['y'],
      wrt,
      target: 'webgpu',
    });
    const type = isWide ? 'float64' : 'float32';
    const step = isWide ? 1e-4 : 2e-2;
    const tolerance = isWide ? 1e-6 : layer.half === true ? 3e-2 : 1e-3;
    const checked = isWide ? toDoublePrecision(withoutFused(written)) : written;
    const session = await createSession(checked, { pooled: false, graphOptimization: 'disabled' });
    try {
      const run = async (
        left: readonly number[],
        right: readonly number[],
      ): Promise<Record<string, number[]>> => {
        const results = await session.run({
          x: feed(type, [2, 2, 32], Array.from(x.data as Float32Array)),
          [nameA]: feed(type, [rank, 32], left),
          [nameB]: feed(type, [6, rank], right),
          'cotangent.y': feed(type, dims, cotangent),
        });
        return Object.fromEntries(
          Object.entries(results).map(([name, { data }]) => [
            name,
            Array.from(data as ArrayLike<number>),
          ]),
        );
      };
      const exact = await run(a, b);
      for (const [name, values] of [
        [nameA, a],
        [nameB, b],
      ] as const) {
        const gradient = exact[`gradient.${name}`] ?? [];
        const scale = largest(gradient);
        expect(scale).toBeGreaterThan(0.1);
        expect(largestDifference(single[`gradient.${name}`] ?? [], gradient)).toBeLessThanOrEqual(
          (layer.half === true ? 1e-2 : 1e-5) * scale,
        );
        for (let index = 0; index < values.length; index += 5) {
          const moved = (sign: number): number[] =>
            values.map((value, at) => (at === index ? value + sign * step : value));
          const [after, before] = await Promise.all(
            [1, -1].map((sign) => (name === nameA ? run(moved(sign), b) : run(a, moved(sign)))),
          );
          const numeric =
            cotangent.reduce(
              (sum, value, at) =>
                sum + value * ((after?.y?.[at] ?? Number.NaN) - (before?.y?.[at] ?? 0)),
              0,
            ) /
            (2 * step);
          expect(Math.abs(numeric - (gradient[index] ?? Number.NaN))).toBeLessThanOrEqual(
            tolerance * scale,
          );
        }
      }
    } finally {
      await session.dispose();
    }
  });
});

function outputOf(name: string): OnnxModel['graph']['outputs'] {
  return [{ name, type: 'float32', shape: undefined, encodedType: undefined, other: [] }];
}

/** FusedMatMul has no double kernel: the base layer written as Transpose, MatMul and Mul. */
function withoutFused(model: OnnxModel): OnnxModel {
  const nodes = model.graph.nodes.flatMap((node) => {
    if (node.operator !== 'FusedMatMul') return [node];
    const [input = ''] = node.inputs;
    const [output = ''] = node.outputs;
    const shared = { domain: '', attributes: [], other: [] };
    return [
      {
        ...shared,
        name: 'plain',
        operator: 'MatMul',
        inputs: [input, 'turned'],
        outputs: ['plain'],
      },
      { ...shared, name: 'scaled', operator: 'Mul', inputs: ['plain', 'half'], outputs: [output] },
    ];
  });
  const half = makeTensor('half', 'float32', [], [0.5]);
  return {
    ...model,
    graph: { ...model.graph, nodes, initializers: [...model.graph.initializers, half] },
  };
}

describe('what addLora refuses', () => {
  const model = modelOf(layers.MatMul ?? { node: { operator: 'MatMul', inputs: [] } });
  const refuses = (targets: readonly LoraTarget[], code: string): void => {
    expect(() => addLora(model, { targets })).toThrow(
      expect.objectContaining({ name: 'OnnxAutogradError', code }),
    );
  };
  it('an output that is no linear layer', () =>
    refuses([{ ...target, output: 'y' }], 'unknown-name'));
  it.each([0, -1, 1.5, Number.NaN])('a rank of %d', (wrong) =>
    refuses([{ ...target, rank: wrong }], 'invalid-argument'),
  );
  it.each([Number.NaN, Number.POSITIVE_INFINITY])('a scaling of %d', (scaling) =>
    refuses([{ ...target, scaling }], 'invalid-argument'),
  );
  it('a layer that is named twice', () =>
    refuses([target, { ...target, name: 'other' }], 'invalid-argument'));
  it('a name that the graph has already', () => {
    const adapted = addLora(model, { targets: [target] });
    expect(() =>
      addLora(adapted, {
        targets: [{ ...target, output: findLinearNodes(adapted)[0]?.output ?? '' }],
      }),
    ).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
  });
});

it('findLinearNodes leaves out products of activations, of batches and of constants', () => {
  const model = makeModel({
    inputs: { x: ['float32', [2, 4, 4]] },
    initializers: [weight('w', [4, 4], 1), weight('many', [2, 4, 4], 2)],
    nodes: [
      { operator: 'MatMul', inputs: ['x', 'x'], outputs: ['scores'] },
      { operator: 'MatMul', inputs: ['scores', 'many'], outputs: ['each'] },
      { operator: 'MatMul', inputs: ['w', 'w'], outputs: ['square'] },
      { operator: 'MatMul', inputs: ['each', 'square'], outputs: ['y'] },
    ],
    outputs: { y: ['float32', undefined] },
  });
  expect(findLinearNodes(model).map(({ output }) => output)).toEqual(['y']);
});
