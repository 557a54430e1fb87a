import { describe, expect, it } from 'vitest';
import { makeRawTensor, makeTensor, readTensorValues } from '../../src/codec/tensor-values.js';
import { differentiate, type OnnxModel } from '../../src/index.js';
import {
  feed,
  largest,
  largestDifference,
  makeModel,
  runOnce,
  seededNumbers,
  seededSingles,
} from '../support/made-model.js';
import {
  checkAffine,
  checkAffineModel,
  constant,
  feedsOf,
  floats,
  type OperatorCase,
  type OperatorInput,
  operatorModel,
} from '../support/operator-check.js';

interface Weight {
  readonly bits: number;
  /** K and N. */
  readonly columns?: number;
  readonly rows?: number;
  readonly blockSize?: number;
  readonly zeroPoints?: 'packed' | 'float';
  readonly bias?: boolean;
  readonly flatScales?: boolean;
  readonly leading?: readonly number[];
}

const bytes = (seed: number, count: number): number[] =>
  seededNumbers(seed, count).map((value) => Math.floor((value + 1) * 128));

function product(weight: Weight): OperatorCase {
  const { bits, columns = 64, rows = 5, blockSize = 16, leading = [2, 3] } = weight;
  const blocks = Math.ceil(columns / blockSize);
  const zeroBytes = Math.ceil((blocks * bits) / 8);
  const packed: OperatorInput = {
    type: 'uint8',
    dims: [rows, blocks, (blockSize * bits) / 8],
    values: bytes(1, (rows * blocks * blockSize * bits) / 8),
  };
  const zeroPoints =
    weight.zeroPoints === undefined
      ? undefined
      : weight.zeroPoints === 'float'
        ? constant({
            ...floats(3, [rows, blocks]),
            values: seededSingles(3, [rows, blocks]).map((z) => z * 4 + 8),
          })
        : constant({ type: 'uint8', dims: [rows, zeroBytes], values: bytes(4, rows * zeroBytes) });
  return {
    operator: 'MatMulNBits',
    domain: 'com.microsoft',
    attributes: { K: columns, N: rows, bits, block_size: blockSize },
    inputs: [
      floats(5, [...leading, columns]),
      constant(packed),
      constant(floats(2, weight.flatScales === true ? [rows * blocks] : [rows, blocks], 0.1)),
      zeroPoints,
      undefined,
      weight.bias === true ? floats(6, [rows]) : undefined,
    ],
  };
}

describe.each([2, 4, 8])('MatMulNBits with %d bits', (bits) => {
  const check = (weight: Omit<Weight, 'bits'>): Promise<void> =>
    checkAffine(product({ bits, ...weight }));
  it('symmetric', () => check({}));
  it('with zero points', () => check({ zeroPoints: 'packed' }));
  it('with an odd number of blocks and zero points', () =>
    check({ columns: 48, zeroPoints: 'packed' }));
  it('with one block and zero points', () => check({ columns: 16, zeroPoints: 'packed' }));
  it('with a last block that is not full', () => check({ columns: 40 }));
  it('with a last block that is not full, and zero points', () =>
    check({ columns: 40, zeroPoints: 'packed' }));
  it('with blocks of 32', () => check({ blockSize: 32, zeroPoints: 'packed' }));
  it('with a bias', () => check({ bias: true }));
  it('with scales in one row', () => check({ flatScales: true }));
  it('with rows of rank 2', () => check({ leading: [4] }));
  it('with one row', () => check({ leading: [1, 1] }));
});

// The kernel of 8 bits takes packed zero points only.
describe.each([2, 4])('MatMulNBits with %d bits and zero points that are floats', (bits) => {
  it('in full blocks', () => checkAffine(product({ bits, zeroPoints: 'float' })));
  it('with a last block that is not full', () =>
    checkAffine(product({ bits, columns: 40, zeroPoints: 'float' })));
});

it('MatMulNBits with rounded activations is differentiated, and run, without rounding', async () => {
  const exact = product({ bits: 4 });
  const rounding = operatorModel({
    ...exact,
    attributes: { ...exact.attributes, accuracy_level: 4 },
  });
  const cotangent = { 'cotangent.y0': feed('float32', [2, 3, 5], seededSingles(8, [2, 3, 5])) };
  const x0 = feed('float32', [2, 3, 64], exact.inputs[0]?.values ?? []);
  const [a, b] = await Promise.all(
    [rounding, operatorModel(exact)].map((model) =>
      runOnce(differentiate(model, { outputs: ['y0'], wrt: ['x0'] }), { x0, ...cotangent }),
    ),
  );
  expect(a).toEqual(b);
});

it.each([2, 4, 8])('MatMulNBits in half precision with %d bits', async (bits) => {
  const single = operatorModel(product({ bits, zeroPoints: 'packed', bias: true }));
  const { graph } = single;
  const isHalf = (name: string): boolean => name === 'x0' || name === 'x5';
  const half = makeModel({
    inputs: Object.fromEntries(
      graph.inputs.map(({ name, shape }) => [name, ['float32', shape ?? []] as const]),
    ),
    initializers: graph.initializers.map((tensor) =>
      tensor.name === 'x2'
        ? makeTensor('x2', 'float16', tensor.dims, readTensorValues(tensor, undefined) ?? [])
        : tensor,
    ),
    nodes: [
      ...['x0', 'x5'].map((name) => ({
        operator: 'Cast',
        inputs: [name],
        outputs: [`${name}/half`],
        attributes: { to: 10 },
      })),
      {
        operator: 'MatMulNBits',
        domain: 'com.microsoft',
        inputs: graph.nodes[0]?.inputs.map((name) => (isHalf(name) ? `${name}/half` : name)) ?? [],
        outputs: ['y/half'],
        attributes: { K: 64, N: 5, bits, block_size: 16 },
      },
      { operator: 'Cast', inputs: ['y/half'], outputs: ['y0'], attributes: { to: 1 } },
    ],
    outputs: { y0: ['float32', undefined] },
  });
  const feeds = {
    ...feedsOf(product({ bits, zeroPoints: 'packed', bias: true })),
    'cotangent.y0': feed('float32', [2, 3, 5], seededSingles(8, [2, 3, 5])),
  };
  const [a, b] = await Promise.all(
    [half, single].map((model) =>
      runOnce(differentiate(model, { outputs: ['y0'], wrt: ['x0', 'x5'] }), feeds),
    ),
  );
  for (const name of ['y0', 'gradient.x0', 'gradient.x5']) {
    const reference = b?.[name] ?? [];
    expect(largest(reference)).toBeGreaterThan(0);
    // Half precision has three digits.
    expect(largestDifference(a?.[name] ?? [], reference)).toBeLessThanOrEqual(
      3e-3 * largest(reference),
    );
  }
});

describe('what MatMulNBits refuses', () => {
  const refuses = (test: OperatorCase, wrt: string, problem: RegExp): void => {
    const attempt = (): unknown =>
      differentiate(operatorModel(test), { outputs: ['y0'], wrt: [wrt] });
    expect(attempt).toThrow(expect.objectContaining({ code: 'unsupported', node: 'tested' }));
    expect(attempt).toThrow(problem);
  };
  const base = product({ bits: 4 });
  it('gradients of its scales', () => refuses(base, 'x2', /scales/));
  it('a group index', () => {
    const inputs = base.inputs.map((input, index) =>
      index === 4
        ? constant({ type: 'int32', dims: [64], values: new Array<number>(64).fill(0) })
        : input,
    );
    refuses({ ...base, inputs }, 'x0', /group index/);
  });
  it('weights that are fed', () => {
    const inputs = base.inputs.map((input, index) =>
      index === 1 && input !== undefined
        ? { type: input.type, dims: input.dims, values: input.values }
        : input,
    );
    refuses({ ...base, inputs }, 'x0', /initializer/);
  });
});

/** y0 = x0 · dequantized weight, as `[N, K]` with a transposition or as `[K, N]`. */
function dequantized(options: {
  readonly type: 'uint8' | 'int8' | 'uint4' | 'int4';
  readonly isTransposed: boolean;
  readonly blockSize?: number;
  readonly axis?: number;
}): OnnxModel {
  const { type, isTransposed, blockSize, axis = 0 } = options;
  const dims = isTransposed ? [5, 32] : [32, 5];
  const packed = type.endsWith('4');
  const scaleDims =
    blockSize === undefined
      ? [dims[axis] ?? 1]
      : dims.map((size, index) => (index === axis ? size / blockSize : size));
  const count = scaleDims.reduce((total, size) => total * size, 1);
  return makeModel({
    inputs: { x0: ['float32', ['rows', 32]] },
    initializers: [
      makeRawTensor('quantized', type, dims, Uint8Array.from(bytes(1, packed ? 80 : 160))),
      makeTensor('scales', 'float32', scaleDims, seededSingles(2, scaleDims, 0.1)),
      makeTensor('zeros', type, scaleDims, new Array<number>(count).fill(3)),
    ],
    nodes: [
      {
        operator: 'DequantizeLinear',
        inputs: ['quantized', 'scales', 'zeros'],
        outputs: ['weight'],
        attributes: { axis, ...(blockSize === undefined ? {} : { block_size: blockSize }) },
      },
      ...(isTransposed
        ? [
            {
              operator: 'Transpose',
              inputs: ['weight'],
              outputs: ['turned'],
              attributes: { perm: [1, 0] },
            },
          ]
        : []),
      { operator: 'MatMul', inputs: ['x0', isTransposed ? 'turned' : 'weight'], outputs: ['y0'] },
    ],
    outputs: { y0: ['float32', undefined] },
  });
}

describe('DequantizeLinear before a product', () => {
  const x0 = feed('float32', [4, 32], seededSingles(3, [4, 32]));
  it.each([
    { type: 'uint4', isTransposed: true, blockSize: 16, axis: 1 },
    { type: 'int4', isTransposed: false, blockSize: 16, axis: 0 },
    { type: 'uint8', isTransposed: true, blockSize: 16, axis: 1 },
    { type: 'int8', isTransposed: false, axis: 1 },
    { type: 'uint8', isTransposed: true, axis: 0 },
  ] as const)('%o', (options) =>
    checkAffineModel(dequantized(options), { x0 }, { wrt: ['x0'], forwardTolerance: 1e-5 }),
  );

  it('refuses gradients of its scales', () => {
    const model = dequantized({ type: 'int8', isTransposed: false, axis: 1 });
    expect(() => differentiate(model, { outputs: ['y0'], wrt: ['scales'] })).toThrow(
      expect.objectContaining({ code: 'unsupported', operator: 'DequantizeLinear' }),
    );
  });
});

it('GatherBlockQuantized beside the path is left alone', async () => {
  const model = makeModel({
    inputs: { ids: ['int64', [3]], x0: ['float32', [3, 32]] },
    initializers: [
      makeRawTensor('table', 'uint4', [6, 32], Uint8Array.from(bytes(1, 96))),
      makeTensor('scales', 'float32', [6, 2], seededSingles(2, [6, 2])),
    ],
    nodes: [
      {
        operator: 'GatherBlockQuantized',
        domain: 'com.microsoft',
        inputs: ['table', 'ids', 'scales'],
        outputs: ['rows'],
        attributes: { block_size: 16, gather_axis: 0, quantize_axis: 1 },
      },
      { operator: 'Mul', inputs: ['x0', 'rows'], outputs: ['y0'] },
    ],
    outputs: { y0: ['float32', [3, 32]] },
  });
  const ids = feed('int64', [3], [5, 0, 2]);
  await checkAffineModel(
    model,
    { ids, x0: feed('float32', [3, 32], seededSingles(4, [3, 32])) },
    { wrt: ['x0'], forwardTolerance: 0 },
  );
  expect(() => differentiate(model, { outputs: ['y0'], wrt: ['scales'] })).toThrow(
    expect.objectContaining({ operator: 'GatherBlockQuantized' }),
  );
});
