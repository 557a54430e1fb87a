import type { ElementType } from '../../src/codec/element-types.js';
import type { Dimension, OnnxModel, Tensor, ValueInfo } from '../../src/codec/model.js';
import { makeTensor } from '../../src/codec/tensor-values.js';
import { type AttributeInput, makeAttributes } from '../../src/graph/attributes.js';
import { createSession, type SessionOptions, type TensorLike } from '../../src/index.js';

export interface MadeNode {
  readonly operator: string;
  readonly domain?: string;
  readonly name?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?:
    | Readonly<Record<string, AttributeInput | number | string | readonly number[] | undefined>>
    | undefined;
}

export interface MadeModel {
  readonly nodes: readonly MadeNode[];
  readonly inputs: Readonly<
    Record<string, readonly [type: ElementType, shape: readonly Dimension[]]>
  >;
  readonly outputs: Readonly<
    Record<string, readonly [type: ElementType, shape: readonly Dimension[] | undefined]>
  >;
  readonly initializers?: readonly Tensor[];
  /** Version of ai.onnx. Default 21. */
  readonly opset?: number;
}

/** A model in memory from a plain description. */
export function makeModel(made: MadeModel): OnnxModel {
  const domains = new Set(made.nodes.map(({ domain = '' }) => domain));
  const describe = (
    entries: Readonly<Record<string, readonly [ElementType, readonly Dimension[] | undefined]>>,
  ): ValueInfo[] =>
    Object.entries(entries).map(([name, [type, shape]]) => ({
      name,
      type,
      shape,
      encodedType: undefined,
      other: [],
    }));
  return {
    irVersion: 10,
    opsetImports: new Map([
      ['', made.opset ?? 21],
      ...[...domains].filter((domain) => domain !== '').map((domain) => [domain, 1] as const),
    ]),
    metadata: new Map(),
    directory: undefined,
    other: [],
    graph: {
      name: 'made',
      nodes: made.nodes.map((node) => ({
        name: node.name ?? '',
        operator: node.operator,
        domain: node.domain ?? '',
        inputs: node.inputs,
        outputs: node.outputs,
        attributes: makeAttributes(node.attributes ?? {}),
        other: [],
      })),
      initializers: made.initializers ?? [],
      inputs: describe(made.inputs),
      outputs: describe(made.outputs),
      valueInfo: [],
      other: [],
    },
  };
}

/** Numbers in [−1, 1) that a seed decides (mulberry32). */
export function seededNumbers(seed: number, count: number, scale = 1): number[] {
  let state = seed | 0;
  return Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1) * scale;
  });
}

function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, size) => product * size, 1);
}

/** Seeded numbers rounded to single precision, so that every precision sees the same ones. */
export function seededSingles(seed: number, dims: readonly number[], scale = 1): number[] {
  return [...Float32Array.from(seededNumbers(seed, sizeOf(dims), scale))];
}

export function weight(name: string, dims: readonly number[], seed: number, scale = 0.5): Tensor {
  return makeTensor(name, 'float32', dims, seededSingles(seed, dims, scale));
}

/** A tensor to feed, from plain numbers. */
export function feed(
  type: ElementType,
  dims: readonly number[],
  values: readonly number[],
): TensorLike {
  return { type, dims, data: typedArrays[type]?.(values) ?? unknownType(type) };
}

const typedArrays: Partial<Record<ElementType, (values: readonly number[]) => unknown>> = {
  float32: (values) => Float32Array.from(values),
  float64: (values) => Float64Array.from(values),
  int64: (values) => BigInt64Array.from(values.map(BigInt)),
  int32: (values) => Int32Array.from(values),
  uint8: (values) => Uint8Array.from(values),
  int8: (values) => Int8Array.from(values),
  bool: (values) => Uint8Array.from(values),
};

function unknownType(type: string): never {
  throw new Error(`tests do not feed ${type}`);
}

/** Runs a model once, in a session of its own. */
export async function runOnce(
  model: OnnxModel,
  feeds: Readonly<Record<string, TensorLike>>,
  options: SessionOptions = {},
): Promise<Record<string, number[]>> {
  const session = await createSession(model, { pooled: false, threads: 1, ...options });
  try {
    const results = await session.run(feeds);
    return Object.fromEntries(
      Object.entries(results).map(([name, { data }]) => [
        name,
        Array.from(data as ArrayLike<number>, Number),
      ]),
    );
  } finally {
    await session.dispose();
  }
}

/** Largest absolute difference; infinite where lengths differ or a number is none. */
export function largestDifference(actual: readonly number[], expected: readonly number[]): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (const [index, value] of expected.entries()) {
    const difference = Math.abs((actual[index] ?? Number.NaN) - value);
    if (!(difference <= worst))
      worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return worst;
}

export function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
