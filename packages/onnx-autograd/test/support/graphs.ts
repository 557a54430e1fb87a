import { type ElementType, elementTypes } from '../../src/codec/element-types.js';
import type { GraphNode, OnnxModel, ValueInfo } from '../../src/codec/model.js';
import { makeTensor } from '../../src/codec/tensor-values.js';
import { type AttributeInput, makeAttributes } from '../../src/graph/attributes.js';
import type { OutputTensor, TensorLike } from '../../src/index.js';

/** A tensor of a test. `float` becomes float64 or float32, whichever the test runs in. */
export interface TestTensor {
  readonly type: ElementType | 'float';
  readonly dims: readonly number[];
  readonly values: readonly number[];
}

export type Precision = 'float64' | 'float32';

export interface TestGraph {
  readonly nodes: readonly GraphNode[];
  readonly inputs: Readonly<Record<string, TestTensor>>;
  readonly constants?: Readonly<Record<string, TestTensor>>;
  readonly outputs: readonly string[];
  /** Operator set of ai.onnx. Default 21. */
  readonly opset?: number;
}

/** How inputs are declared: with sizes, with a rank only, or without a shape. */
export type Declaration = 'sized' | 'ranked' | 'unranked';

type Attributes = Readonly<
  Record<string, AttributeInput | number | string | readonly number[] | undefined>
>;

/** A node such as `node('MatMul', 'a b', 'y')`; `_` marks a left-out input or output. */
export function node(
  operator: string,
  inputs: string,
  outputs: string,
  attributes: Attributes = {},
): GraphNode {
  const names = (text: string): string[] =>
    text
      .split(' ')
      .filter((name) => name !== '')
      .map((name) => (name === '_' ? '' : name));
  const dot = operator.lastIndexOf('.');
  return {
    name: `${operator}:${outputs}`,
    operator: operator.slice(dot + 1),
    domain: dot < 0 ? '' : operator.slice(0, dot),
    inputs: names(inputs),
    outputs: names(outputs),
    attributes: makeAttributes(attributes),
    other: [],
  };
}

export function float(dims: readonly number[], values: readonly number[]): TestTensor {
  return { type: 'float', dims, values };
}

export function int64(dims: readonly number[], values: readonly number[]): TestTensor {
  return { type: 'int64', dims, values };
}

/** A 1-D int64 tensor. */
export function ints(...values: readonly number[]): TestTensor {
  return int64([values.length], values);
}

export function bool(dims: readonly number[], values: readonly number[]): TestTensor {
  return { type: 'bool', dims, values };
}

export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, size) => product * size, 1);
}

/** Uniform numbers in [0, 1) from a seed (mulberry32). */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), bits | 61)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Values evenly spread over [low, high) in random order: no two are equal, so that no maximum is a tie, and
 * none is 0 (the middle of the default range falls between two values).
 */
export function spread(
  dims: readonly number[],
  seed: number,
  { low = -2, high = 2 }: { readonly low?: number; readonly high?: number } = {},
): TestTensor {
  const count = elementCount(dims);
  const next = randomSource(seed);
  const slots = count + (count % 2);
  const values = Array.from({ length: slots }, (_, index) => {
    // At most 0.3 of a step away from the middle of its slot.
    const jitter = 0.5 + 0.6 * (next() - 0.5);
    return low + ((high - low) * (index + jitter)) / slots;
  });
  for (let index = values.length - 1; index > 0; index--) {
    const other = Math.floor(next() * (index + 1));
    [values[index], values[other]] = [values[other] ?? 0, values[index] ?? 0];
  }
  return float(dims, values.slice(0, count));
}

/** A function of two tensors that broadcast, element by element: what operators are checked against. */
export function broadcast(
  a: TestTensor,
  b: TestTensor,
  compute: (x: number, y: number) => number,
): number[] {
  const rank = Math.max(a.dims.length, b.dims.length);
  const aligned = [a, b].map(({ dims }) => [
    ...new Array<number>(rank - dims.length).fill(1),
    ...dims,
  ]);
  const [left = [], right = []] = aligned;
  const dims = left.map((size, axis) => (size === 1 ? (right[axis] ?? 1) : size));
  return Array.from({ length: elementCount(dims) }, (_, flat) => {
    const places = aligned.map((own) => {
      let [rest, place, stride] = [flat, 0, 1];
      for (let axis = rank - 1; axis >= 0; axis--) {
        const position = rest % (dims[axis] ?? 1);
        rest = Math.floor(rest / (dims[axis] ?? 1));
        if (own[axis] !== 1) place += position * stride;
        stride *= own[axis] ?? 1;
      }
      return place;
    });
    return compute(a.values[places[0] ?? 0] ?? 0, b.values[places[1] ?? 0] ?? 0);
  });
}

/** Builds the model of a test graph. */
export function buildModel(
  graph: TestGraph,
  precision: Precision,
  declaration: Declaration = 'sized',
): OnnxModel {
  const { nodes, inputs, constants = {}, outputs, opset = 21 } = graph;
  const typeOf = ({ type }: TestTensor): ElementType => (type === 'float' ? precision : type);
  const value = (
    name: string,
    type: ElementType | undefined,
    shape: ValueInfo['shape'],
  ): ValueInfo => ({
    name,
    type,
    shape,
    encodedType: undefined,
    other: [],
  });
  const shapeOf = ({ dims }: TestTensor): ValueInfo['shape'] => {
    if (declaration === 'unranked') return undefined;
    return declaration === 'sized' ? dims : dims.map(() => '');
  };
  const domains = new Map([['', opset]]);
  for (const { domain } of nodes) if (domain !== '') domains.set(domain, 1);
  return {
    irVersion: 10,
    opsetImports: domains,
    graph: {
      name: 'test',
      nodes,
      initializers: Object.entries(constants).map(([name, tensor]) =>
        makeTensor(name, typeOf(tensor), tensor.dims, tensor.values),
      ),
      inputs: Object.entries(inputs).map(([name, tensor]) =>
        value(name, typeOf(tensor), shapeOf(tensor)),
      ),
      outputs: outputs.map((name) => value(name, undefined, undefined)),
      valueInfo: [],
      other: [],
    },
    metadata: new Map(),
    directory: undefined,
    other: [],
  };
}

/** The tensor in the form in which ONNX Runtime takes it. */
export function toFeed({ type, dims, values }: TestTensor, precision: Precision): TensorLike {
  const elementType = type === 'float' ? precision : type;
  switch (elementType) {
    case 'float64':
      return { type: elementType, dims, data: Float64Array.from(values) };
    case 'float32':
      return { type: elementType, dims, data: Float32Array.from(values) };
    case 'int64':
      return { type: elementType, dims, data: BigInt64Array.from(values, BigInt) };
    case 'int32':
      return { type: elementType, dims, data: Int32Array.from(values) };
    case 'bool':
      return { type: elementType, dims, data: Uint8Array.from(values) };
    default:
      throw new Error(
        `No feed of type ${elementType} is made here (${elementTypes[elementType].bits} bits).`,
      );
  }
}

/** Elements of an output as numbers. */
export function toNumbers(tensor: OutputTensor | TensorLike | undefined): number[] {
  if (tensor === undefined) throw new Error('The output is missing.');
  return Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}
