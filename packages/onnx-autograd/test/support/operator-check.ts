import { expect } from 'vitest';
import type { ElementType } from '../../src/codec/element-types.js';
import type { Dimension, OnnxModel, Tensor } from '../../src/codec/model.js';
import { makeTensor } from '../../src/codec/tensor-values.js';
import {
  createSession,
  type DifferentiateOptions,
  differentiate,
  type TensorLike,
} from '../../src/index.js';
import { toDoublePrecision } from './double-precision.js';
import {
  feed,
  largest,
  largestDifference,
  type MadeNode,
  makeModel,
  runOnce,
  seededNumbers,
  seededSingles,
} from './made-model.js';

/** An input of the operator under test. */
export interface OperatorInput {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly values: readonly number[];
  /** An initializer instead of a graph input. */
  readonly tensor?: Tensor;
  /** Left out of `wrt`. */
  readonly isFixed?: boolean;
  /** Shape to declare. Default: `dims`. */
  readonly shape?: readonly Dimension[];
}

export interface OperatorCase {
  readonly operator: string;
  readonly domain?: string;
  readonly attributes?: MadeNode['attributes'];
  /** `undefined` for one that is left out. */
  readonly inputs: readonly (OperatorInput | undefined)[];
  /** Number of outputs; `''` in a list leaves one out. Default: one. */
  readonly outputs?: readonly string[];
  /** Outputs to check. Default: all. */
  readonly checked?: readonly string[];
  /** Further options of `differentiate`. */
  readonly options?: Pick<DifferentiateOptions, 'causalBlocks'>;
  readonly opset?: number;
  /** Whether an element of an output is meaningless, as those of padding are. */
  readonly ignores?: (output: string, index: number) => boolean;
}

/** A fed float32 tensor of seeded numbers. */
export function floats(seed: number, dims: readonly number[], scale = 1): OperatorInput {
  return { type: 'float32', dims, values: seededSingles(seed, dims, scale) };
}

export function integers(
  type: ElementType,
  dims: readonly number[],
  values: readonly number[],
): OperatorInput {
  return { type, dims, values };
}

/** The same as an initializer. */
export function constant(input: OperatorInput): OperatorInput {
  return { ...input, isFixed: true, tensor: makeTensor('', input.type, input.dims, input.values) };
}

export function fixed(input: OperatorInput): OperatorInput {
  return { ...input, isFixed: true };
}

/** A model of one node. Inputs are called `x0`, `x1`, …, outputs `y0`, `y1`, …. */
export function operatorModel(test: OperatorCase): OnnxModel {
  const named = test.inputs.map((input, index) => ({ name: `x${index}`, input }));
  const outputs = test.outputs ?? ['y0'];
  return makeModel({
    ...(test.opset === undefined ? {} : { opset: test.opset }),
    inputs: Object.fromEntries(
      named.flatMap(({ name, input }) =>
        input === undefined || input.tensor !== undefined
          ? []
          : [[name, [input.type, input.shape ?? input.dims] as const]],
      ),
    ),
    initializers: named.flatMap(({ name, input }) =>
      input?.tensor === undefined ? [] : [{ ...input.tensor, name }],
    ),
    nodes: [
      {
        name: 'tested',
        operator: test.operator,
        ...(test.domain === undefined ? {} : { domain: test.domain }),
        inputs: named.map(({ name, input }) => (input === undefined ? '' : name)),
        outputs,
        attributes: test.attributes,
      },
    ],
    outputs: Object.fromEntries(
      outputs.filter((name) => name !== '').map((name) => [name, ['float32', undefined] as const]),
    ),
  });
}

export function feedsOf(
  test: OperatorCase,
  type: 'float32' | 'float64' = 'float32',
): Record<string, TensorLike> {
  return Object.fromEntries(
    test.inputs.flatMap((input, index) => {
      if (input === undefined || input.tensor !== undefined) return [];
      return [
        [`x${index}`, feed(input.type === 'float32' ? type : input.type, input.dims, input.values)],
      ];
    }),
  );
}

/** Largest relative error of a gradient in double precision. */
const gradientTolerance = 1e-6;
/** Step of central differences in double precision: truncation and rounding are both near 1e-9. */
const step = 1e-4;
/** Elements of each input that are moved one at a time; random directions move all. */
const probedElements = 12;
const probedDirections = 3;

/**
 * Checks an operator that is rewritten, or has a rule, against ONNX Runtime's own kernel and against central
 * differences:
 *
 * - the forward values of the differentiated graph equal the operator's to 1e-5;
 * - its gradients in double precision equal central differences to 1e-6;
 * - its gradients in single precision equal those in double precision to 2e-5.
 */
export async function checkOperator(test: OperatorCase): Promise<void> {
  const model = operatorModel(test);
  const outputs = test.checked ?? (test.outputs ?? ['y0']).filter((name) => name !== '');
  const wrt = test.inputs.flatMap((input, index) =>
    input === undefined || input.isFixed === true || input.type !== 'float32' ? [] : [`x${index}`],
  );
  const single = feedsOf(test);
  const expected = await runOnce(model, single);

  const cotangents = new Map(
    outputs.map((name, index) => [
      name,
      seededSingles(1000 + index, [expected[name]?.length ?? 0]).map((value, at) =>
        test.ignores?.(name, at) === true ? 0 : value,
      ),
    ]),
  );
  const kept = (name: string, values: readonly number[] | undefined): number[] =>
    (values ?? []).filter((_, index) => test.ignores?.(name, index) !== true);
  const dims = await outputDims(model, single);
  const cotangentFeeds = (type: 'float32' | 'float64'): Record<string, TensorLike> =>
    Object.fromEntries(
      outputs.map((name) => [
        `cotangent.${name}`,
        feed(type, dims[name] ?? [], cotangents.get(name) ?? []),
      ]),
    );

  const derived = differentiate(model, { ...test.options, outputs, wrt });
  const inSingle = await runOnce(derived, { ...single, ...cotangentFeeds('float32') });
  for (const name of outputs) {
    const reference = kept(name, expected[name]);
    expect(reference.length, `${name} has elements`).toBeGreaterThan(0);
    expect(
      largestDifference(kept(name, inSingle[name]), reference),
      `forward value ${name}`,
    ).toBeLessThanOrEqual(1e-5 * Math.max(1, largest(reference)));
  }

  const wide = toDoublePrecision(
    differentiate(model, { ...test.options, outputs, wrt, target: 'webgpu' }),
  );
  const session = await createSession(wide, {
    pooled: false,
    threads: 1,
    graphOptimization: 'disabled',
  });
  try {
    const base = { ...feedsOf(test, 'float64'), ...cotangentFeeds('float64') };
    const results = await session.run(base);
    const loss = async (name: string, values: readonly number[]): Promise<number> => {
      const input = test.inputs[Number(name.slice(1))];
      const moved = await session.run({
        ...base,
        [name]: feed('float64', input?.dims ?? [], values),
      });
      return outputs.reduce((total, output) => {
        const data = moved[output]?.data as Float64Array;
        return (cotangents.get(output) ?? []).reduce(
          // A padded row may hold anything, even no number.
          (sum, cotangent, at) =>
            cotangent === 0 ? sum : sum + cotangent * (data[at] ?? Number.NaN),
          total,
        );
      }, 0);
    };
    for (const [index, name] of wrt.entries()) {
      const values = test.inputs[Number(name.slice(1))]?.values ?? [];
      const gradient = Array.from(results[`gradient.${name}`]?.data as Float64Array);
      const scale = Math.max(largest(gradient), 1e-3);
      const fromSingle = inSingle[`gradient.${name}`] ?? [];
      expect(
        largestDifference(fromSingle, gradient),
        `${name} in single precision`,
      ).toBeLessThanOrEqual(2e-5 * scale);
      for (const direction of probes(values.length, index)) {
        const moved = (sign: number): number[] =>
          values.map((value, at) => value + sign * step * (direction[at] ?? 0));
        const numeric = ((await loss(name, moved(1))) - (await loss(name, moved(-1)))) / (2 * step);
        const exact = gradient.reduce((sum, value, at) => sum + value * (direction[at] ?? 0), 0);
        const error = Math.abs(numeric - exact) / Math.max(scale, Math.abs(exact));
        expect(error, `${name}: ${exact}, by differences ${numeric}`).toBeLessThanOrEqual(
          gradientTolerance,
        );
      }
    }
  } finally {
    await session.dispose();
  }
}

/**
 * Checks an operator that is affine in each of its inputs, in single precision: differences are exact then, but
 * for rounding, at any step. Expects, for random directions v, cotangent · (f(x + v) − f(x)) = gradient · v to
 * 1e-5 of its size.
 */
export async function checkAffine(test: OperatorCase): Promise<void> {
  await checkAffineModel(operatorModel(test), feedsOf(test), {
    wrt: test.inputs.flatMap((input, index) =>
      input === undefined || input.isFixed === true || input.type !== 'float32'
        ? []
        : [`x${index}`],
    ),
    forwardTolerance: 1e-5,
  });
}

/** The same for any model with an output `y0`. */
export async function checkAffineModel(
  model: OnnxModel,
  feeds: Readonly<Record<string, TensorLike>>,
  options: { readonly wrt: readonly string[]; readonly forwardTolerance: number },
): Promise<void> {
  const { wrt, forwardTolerance } = options;
  const dims = (await outputDims(model, feeds)).y0 ?? [];
  const cotangent = seededSingles(1000, dims);
  const derived = differentiate(model, { outputs: ['y0'], wrt });
  const session = await createSession(derived, { pooled: false, threads: 1 });
  try {
    const run = async (
      changed: Readonly<Record<string, TensorLike>>,
    ): Promise<Record<string, number[]>> => {
      const all = { ...feeds, 'cotangent.y0': feed('float32', dims, cotangent), ...changed };
      const results = await session.run(all);
      return Object.fromEntries(
        Object.entries(results).map(([name, { data }]) => [
          name,
          Array.from(data as ArrayLike<number>, Number),
        ]),
      );
    };
    const base = await run({});
    const expected = (await runOnce(model, feeds)).y0 ?? [];
    expect(expected.length).toBeGreaterThan(0);
    expect(largestDifference(base.y0 ?? [], expected), 'forward values').toBeLessThanOrEqual(
      forwardTolerance * Math.max(1, largest(expected)),
    );
    for (const [index, name] of wrt.entries()) {
      const given = feeds[name];
      const values = Array.from(given?.data as ArrayLike<number>);
      const gradient = base[`gradient.${name}`] ?? [];
      expect(largest(gradient), `gradient of ${name}`).toBeGreaterThan(0);
      for (const direction of probes(values.length, index)) {
        const moved = values.map((value, at) => value + (direction[at] ?? 0));
        const after = await run({ [name]: feed('float32', given?.dims ?? [], moved) });
        const numeric = cotangent.reduce(
          (sum, weight, at) =>
            sum + weight * ((after.y0?.[at] ?? Number.NaN) - (base.y0?.[at] ?? 0)),
          0,
        );
        const exact = gradient.reduce((sum, value, at) => sum + value * (direction[at] ?? 0), 0);
        const scale =
          Math.max(1, largest(gradient), largest(expected)) * Math.sqrt(cotangent.length);
        expect(
          Math.abs(numeric - exact),
          `${name}: ${exact}, by differences ${numeric}`,
        ).toBeLessThanOrEqual(1e-5 * scale);
      }
    }
  } finally {
    await session.dispose();
  }
}

/** Single elements, spread over the tensor, and random directions. */
function probes(count: number, seed: number): number[][] {
  const stride = Math.max(1, Math.floor(count / probedElements));
  const elements = Array.from({ length: Math.min(count, probedElements) }, (_, probe) => {
    const direction = new Array<number>(count).fill(0);
    direction[(probe * stride) % count] = 1;
    return direction;
  });
  const directions = Array.from({ length: probedDirections }, (_, probe) =>
    seededNumbers(7000 + 31 * seed + probe, count),
  );
  return [...elements, ...directions];
}

async function outputDims(
  model: OnnxModel,
  feeds: Readonly<Record<string, TensorLike>>,
): Promise<Record<string, readonly number[]>> {
  const session = await createSession(model, { threads: 1, pooled: false });
  try {
    const results = await session.run(feeds);
    return Object.fromEntries(Object.entries(results).map(([name, { dims }]) => [name, dims]));
  } finally {
    await session.dispose();
  }
}
