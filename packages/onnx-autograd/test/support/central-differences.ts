import { createSession, type OnnxModel, type Session, type TensorLike } from '../../src/index.js';
import {
  elementCount,
  float,
  type Precision,
  randomSource,
  type TestTensor,
  toFeed,
  toNumbers,
} from './graphs.js';

/** Outputs of a function by name, as flat lists. */
export type Evaluate = (
  inputs: Readonly<Record<string, TestTensor>>,
) => Promise<Readonly<Record<string, readonly number[]>>>;

/**
 * A session of one thread. In float64 nothing is fused: ONNX Runtime 1.30 makes fused operators, such as
 * QuickGelu of x · Sigmoid(x), for which it then has no float64 kernel.
 */
export function testSession(model: OnnxModel): Promise<Session> {
  const isDouble = model.graph.inputs.some(({ type }) => type === 'float64');
  return createSession(model, {
    pooled: false,
    threads: 1,
    graphOptimization: isDouble ? 'basic' : 'all',
  });
}

export function toFeeds(
  inputs: Readonly<Record<string, TestTensor>>,
  precision: Precision,
): Record<string, TensorLike> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, tensor]) => [name, toFeed(tensor, precision)]),
  );
}

/** A cotangent for an output: numbers between 0.5 and 1.5 of either sign. */
export function randomCotangent(dims: readonly number[], seed: number): TestTensor {
  const next = randomSource(seed);
  const values = Array.from({ length: elementCount(dims) }, () => {
    const sign = next() < 0.5 ? -1 : 1;
    return sign * (0.5 + next());
  });
  return float(dims, values);
}

/**
 * Gradient of Σ cotangent · output by central differences, (f(x + h) − f(x − h)) / 2h element by element.
 *
 * @param step h. In float64, 1e-5 leaves an error of about 1e-10.
 */
export async function centralDifferences(options: {
  readonly evaluate: Evaluate;
  readonly inputs: Readonly<Record<string, TestTensor>>;
  readonly cotangents: Readonly<Record<string, TestTensor>>;
  readonly wrt: readonly string[];
  readonly step: number;
  /** 2, or 4: (8(f(h) − f(−h)) − (f(2h) − f(−2h))) / 12h, exact to h⁴. Default 2. */
  readonly order?: 2 | 4;
}): Promise<Record<string, number[]>> {
  const { evaluate, inputs, cotangents, wrt, step, order = 2 } = options;
  const loss = async (changed: Readonly<Record<string, TestTensor>>): Promise<number> => {
    const outputs = await evaluate(changed);
    let total = 0;
    for (const [name, cotangent] of Object.entries(cotangents)) {
      const values = outputs[name] ?? [];
      for (const [index, weight] of cotangent.values.entries())
        total += weight * (values[index] ?? Number.NaN);
    }
    return total;
  };
  const gradients: Record<string, number[]> = {};
  for (const name of wrt) {
    const tensor = inputs[name];
    if (tensor === undefined) throw new Error(`There is no input "${name}".`);
    const at = (index: number, shift: number): Promise<number> => {
      const values = [...tensor.values];
      values[index] = (values[index] ?? 0) + shift;
      return loss({ ...inputs, [name]: { ...tensor, values } });
    };
    const gradient: number[] = [];
    for (const index of tensor.values.keys()) {
      const near = (await at(index, step)) - (await at(index, -step));
      if (order === 2) gradient.push(near / (2 * step));
      else {
        const far = (await at(index, 2 * step)) - (await at(index, -2 * step));
        gradient.push((8 * near - far) / (12 * step));
      }
    }
    gradients[name] = gradient;
  }
  return gradients;
}

/**
 * Largest difference between two gradients, relative to the largest entry of the expected one.
 *
 * Below 1e-3 the difference counts as it is: a gradient that is 0 has no scale of its own.
 */
export function relativeError(actual: readonly number[], expected: readonly number[]): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  const scale = Math.max(1e-3, ...expected.map(Math.abs));
  let worst = 0;
  for (const [index, value] of expected.entries()) {
    const difference = Math.abs((actual[index] ?? Number.NaN) - value) / scale;
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
    worst = Math.max(worst, difference);
  }
  return worst;
}

/** Evaluates a model whose outputs are read as numbers. */
export function evaluateWith(session: Session, precision: Precision): Evaluate {
  return async (inputs) => {
    const results = await session.run(toFeeds(inputs, precision));
    return Object.fromEntries(
      Object.entries(results).map(([name, tensor]) => [name, toNumbers(tensor)]),
    );
  };
}
