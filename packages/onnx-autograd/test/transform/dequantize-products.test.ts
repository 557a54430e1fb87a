import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../src/codec/model.js';
import { makeTensor } from '../../src/codec/tensor-values.js';
import {
  addLora,
  differentiate,
  findLinearNodes,
  type OnnxModel,
  useFloatActivations,
} from '../../src/index.js';
import {
  feed,
  largest,
  largestDifference,
  type MadeNode,
  makeModel,
  runOnce,
  seededNumbers,
  seededSingles,
} from '../support/made-model.js';

const [rows, inner, columns] = [4, 8, 6];
const x = feed('float32', [rows, inner], seededSingles(1, [rows, inner]));
const cotangent = seededSingles(2, [rows, columns]);

interface Weight {
  readonly type: 'int8' | 'uint8';
  readonly isByColumn: boolean;
  readonly hasZeros?: boolean;
}

function integers(type: 'int8' | 'uint8', seed: number, count: number): number[] {
  const offset = type === 'int8' ? 0 : 128;
  return seededNumbers(seed, count, 120).map((value) => Math.trunc(value) + offset);
}

/** The weight's tensors, and the floats they stand for. */
function weightOf({ type, isByColumn, hasZeros = true }: Weight): {
  tensors: Tensor[];
  floats: number[];
} {
  const count = isByColumn ? columns : 1;
  const dims = isByColumn ? [columns] : [];
  const values = integers(type, 3, inner * columns);
  const scales = seededSingles(4, [count], 0.01).map((scale) =>
    Math.fround(Math.abs(scale) + 0.005),
  );
  const zeros = hasZeros ? integers(type, 5, count) : new Array<number>(count).fill(0);
  return {
    tensors: [
      makeTensor('w', type, [inner, columns], values),
      makeTensor('w/scale', 'float32', dims, scales),
      ...(hasZeros ? [makeTensor('w/zero', type, dims, zeros)] : []),
    ],
    floats: values.map((value, index) => {
      const at = isByColumn ? index % columns : 0;
      return (value - (zeros[at] ?? 0)) * (scales[at] ?? 0);
    }),
  };
}

/** x·W and its gradient cotangent·Wᵀ, in doubles. */
function reference(weight: readonly number[], bias = 0): { y: number[]; dx: number[] } {
  const input = Array.from(x.data as Float32Array);
  const y = Array.from({ length: rows * columns }, (_, index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    let sum = bias;
    for (let k = 0; k < inner; k++)
      sum += (input[row * inner + k] ?? 0) * (weight[k * columns + column] ?? 0);
    return sum;
  });
  const dx = Array.from({ length: rows * inner }, (_, index) => {
    const [row, k] = [Math.floor(index / inner), index % inner];
    let sum = 0;
    for (let column = 0; column < columns; column++)
      sum += (cotangent[row * columns + column] ?? 0) * (weight[k * columns + column] ?? 0);
    return sum;
  });
  return { y, dx };
}

const dynamic: MadeNode = {
  operator: 'DynamicQuantizeLinear',
  inputs: ['x'],
  outputs: ['xq', 'xs', 'xz'],
};

function modelOf(nodes: readonly MadeNode[], initializers: readonly Tensor[]): OnnxModel {
  return makeModel({
    inputs: { x: ['float32', ['rows', inner]] },
    nodes,
    initializers,
    outputs: { y: ['float32', undefined] },
  });
}

function integerProduct(zero: string, scaleOrder: readonly [string, string]): MadeNode[] {
  return [
    dynamic,
    {
      operator: 'MatMulInteger',
      inputs: ['xq', 'w', 'xz', ...(zero === '' ? [] : [zero])],
      outputs: ['p'],
    },
    { operator: 'Cast', inputs: ['p'], outputs: ['pf'], attributes: { to: 1 } },
    { operator: 'Mul', inputs: [...scaleOrder], outputs: ['s'] },
    { operator: 'Mul', inputs: ['pf', 's'], outputs: ['y'] },
  ];
}

async function check(model: OnnxModel, weight: readonly number[], bias = 0): Promise<void> {
  const expected = reference(weight, bias);
  const derived = differentiate(model, { outputs: ['y'], wrt: ['x'] });
  const operators = derived.graph.nodes.map(({ operator }) => operator);
  for (const gone of ['DynamicQuantizeLinear', 'MatMulInteger', 'QuantizeLinear']) {
    expect(operators).not.toContain(gone);
  }
  const results = await runOnce(derived, {
    x,
    'cotangent.y': feed('float32', [rows, columns], cotangent),
  });
  expect(largestDifference(results.y ?? [], expected.y)).toBeLessThanOrEqual(1e-5);
  expect(largest(expected.dx)).toBeGreaterThan(0.1);
  expect(largestDifference(results['gradient.x'] ?? [], expected.dx)).toBeLessThanOrEqual(1e-5);
  // What is left out is the rounding of the activation alone: half a step of 1/255 of its range, for each term.
  const rounded = await runOnce(model, { x });
  const step = (2 / 255 / 2) * inner * largest(weight);
  expect(largestDifference(rounded.y ?? [], expected.y)).toBeLessThanOrEqual(step);
  expect(largestDifference(rounded.y ?? [], expected.y)).toBeGreaterThan(0);
}

const weights: Weight[] = [
  { type: 'uint8', isByColumn: false },
  { type: 'int8', isByColumn: false },
  { type: 'int8', isByColumn: true },
  { type: 'uint8', isByColumn: true },
  { type: 'int8', isByColumn: true, hasZeros: false },
];

describe.each(weights)('integer products with a weight %o', (weight) => {
  const { tensors, floats } = weightOf(weight);
  const zero = weight.hasZeros === false ? '' : 'w/zero';

  it('MatMulInteger, Cast and Mul', () =>
    check(modelOf(integerProduct(zero, ['xs', 'w/scale']), tensors), floats));
  it('the scales in the other order', () =>
    check(modelOf(integerProduct(zero, ['w/scale', 'xs']), tensors), floats));
  it('MatMulIntegerToFloat', () =>
    check(
      modelOf(
        [
          dynamic,
          {
            operator: 'MatMulIntegerToFloat',
            domain: 'com.microsoft',
            inputs: ['xq', 'w', 'xs', 'w/scale', 'xz', zero, 'bias'],
            outputs: ['y'],
          },
        ],
        [
          ...tensors,
          makeTensor('bias', 'float32', [columns], new Array<number>(columns).fill(0.25)),
        ],
      ),
      floats,
      0.25,
    ));
  it('DynamicQuantizeMatMul', () =>
    check(
      modelOf(
        [
          {
            operator: 'DynamicQuantizeMatMul',
            domain: 'com.microsoft',
            inputs: ['x', 'w', 'w/scale', zero],
            outputs: ['y'],
          },
        ],
        tensors,
      ),
      floats,
    ));
});

describe('other forms', () => {
  const { tensors, floats } = weightOf({ type: 'uint8', isByColumn: false });

  it('QuantizeLinear and DequantizeLinear around a product', () => {
    const scale = makeTensor('step', 'float32', [], [Math.fround(2 / 255)]);
    const middle = makeTensor('middle', 'uint8', [], [128]);
    const model = modelOf(
      [
        { operator: 'QuantizeLinear', inputs: ['x', 'step', 'middle'], outputs: ['q'] },
        { operator: 'DequantizeLinear', inputs: ['q', 'step', 'middle'], outputs: ['rounded'] },
        { operator: 'DequantizeLinear', inputs: ['w', 'w/scale', 'w/zero'], outputs: ['weight'] },
        { operator: 'MatMul', inputs: ['rounded', 'weight'], outputs: ['y'] },
      ],
      [...tensors, scale, middle],
    );
    return check(model, floats);
  });

  it('two products of one activation share it', async () => {
    const nodes = integerProduct('w/zero', ['xs', 'w/scale']).map((node) =>
      node.outputs[0] === 'y' ? { ...node, outputs: ['first'] } : node,
    );
    const second = integerProduct('w/zero', ['xs', 'w/scale'])
      .slice(1)
      .map((node) => ({
        ...node,
        inputs: node.inputs.map((name) => (['p', 'pf', 's'].includes(name) ? `${name}2` : name)),
        outputs: node.outputs.map((name) => (name === 'y' ? 'second' : `${name}2`)),
      }));
    const sum = { operator: 'Add', inputs: ['first', 'second'], outputs: ['y'] };
    await check(
      modelOf([...nodes, ...second, sum], tensors),
      floats.map((value) => 2 * value),
    );
  });

  it('two activations', async () => {
    const model = makeModel({
      inputs: { x: ['float32', [rows, inner]], z: ['float32', [inner, columns]] },
      nodes: [
        dynamic,
        { operator: 'DynamicQuantizeLinear', inputs: ['z'], outputs: ['w', 'zs', 'zz'] },
        ...integerProduct('zz', ['xs', 'zs']).slice(1),
      ],
      outputs: { y: ['float32', undefined] },
    });
    const derived = differentiate(model, { outputs: ['y'], wrt: ['x', 'z'] });
    const z = feed('float32', [inner, columns], floats);
    const results = await runOnce(derived, {
      x,
      z,
      'cotangent.y': feed('float32', [rows, columns], cotangent),
    });
    expect(
      largestDifference(results['gradient.x'] ?? [], reference(floats).dx),
    ).toBeLessThanOrEqual(1e-5);
    expect(largest(results['gradient.z'] ?? [])).toBeGreaterThan(0.1);
  });

  it('LoRA branches beside layers of 8 bits', () => {
    const model = useFloatActivations(
      modelOf(integerProduct('w/zero', ['xs', 'w/scale']), tensors),
    );
    const [layer] = findLinearNodes(model);
    expect(layer).toMatchObject({ output: 'y', inFeatures: inner, outFeatures: columns });
    const adapted = addLora(model, {
      targets: [{ output: 'y', name: 'layer', rank: 2, scaling: 1 }],
    });
    const wrt = ['layer.lora_A.weight', 'layer.lora_B.weight'];
    const derived = differentiate(adapted, { outputs: ['y'], wrt });
    expect(derived.graph.outputs.map(({ name }) => name)).toEqual([
      'y',
      ...wrt.map((name) => `gradient.${name}`),
    ]);
  });

  it('a graph without integers is returned as it is', () => {
    const model = modelOf([{ operator: 'Neg', inputs: ['x'], outputs: ['y'] }], []);
    expect(useFloatActivations(model)).toBe(model);
  });
});

describe('forms that are not known are refused, not differentiated through the scale', () => {
  const { tensors } = weightOf({ type: 'uint8', isByColumn: false });
  const refuses = (nodes: readonly MadeNode[], node: string): void => {
    const model = modelOf(nodes, tensors);
    expect(() => differentiate(model, { outputs: ['y'], wrt: ['x'] })).toThrow(
      expect.objectContaining({ name: 'OnnxAutogradError', code: 'unsupported', node }),
    );
  };

  it('a product that is scaled twice', () =>
    refuses(
      [
        ...integerProduct('w/zero', ['xs', 'w/scale']).slice(0, 3),
        { operator: 'Mul', inputs: ['pf', 'xs'], outputs: ['once'] },
        { operator: 'Mul', inputs: ['once', 'w/scale'], outputs: ['y'] },
      ],
      'xq',
    ));

  it('integers on one of two branches', () =>
    refuses(
      [
        {
          operator: 'QuantizeLinear',
          inputs: ['x', 'w/scale', 'w/zero'],
          outputs: ['q'],
          name: 'rounding',
        },
        { operator: 'Cast', inputs: ['q'], outputs: ['f'], attributes: { to: 1 } },
        { operator: 'Add', inputs: ['x', 'f'], outputs: ['y'] },
      ],
      'rounding',
    ));
});
