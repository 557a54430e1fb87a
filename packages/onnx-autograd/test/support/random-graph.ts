import fc from 'fast-check';
import type { GraphNode } from '../../src/codec/model.js';
import {
  elementCount,
  float,
  int64,
  ints,
  node,
  spread,
  type TestGraph,
  type TestTensor,
} from './graphs.js';

/** One step of a random graph: an operator, what it works on, and numbers to choose its attributes by. */
export interface Step {
  readonly operator: number;
  readonly first: number;
  readonly second: number;
  readonly choice: number;
}

/** Which inputs a graph has, by their place in a list of shapes, and what is done with them. */
export interface Recipe {
  readonly leaves: readonly number[];
  readonly steps: readonly Step[];
  readonly seed: number;
}

export interface RandomGraph extends TestGraph {
  /** Inputs on which the outputs depend. */
  readonly wrt: readonly string[];
  /** Outputs that must stay away from 0, where a maximum or a threshold has its kink. */
  readonly distances: readonly string[];
  /** Values on the way from `wrt` to the outputs. */
  readonly between: readonly string[];
}

interface PoolValue {
  readonly name: string;
  readonly dims: readonly number[];
}

/** Tensors above this many elements are summed before they go on. */
const largest = 40;

const leafShapes: readonly (readonly number[])[] = [
  [2, 3],
  [3],
  [],
  [2, 1],
  [1, 3],
  [2, 2, 3],
  [1],
  [3, 2],
  [2, 0],
];

/** Writes nodes and remembers the shape of each value. */
class Writer {
  readonly nodes: GraphNode[] = [];
  readonly constants: Record<string, TestTensor> = {};
  readonly distances: string[] = [];
  readonly parents = new Map<string, readonly string[]>();
  #count = 0;

  fresh(): string {
    return `v${this.#count++}`;
  }

  constant(tensor: TestTensor): string {
    const name = `c${this.#count++}`;
    this.constants[name] = tensor;
    return name;
  }

  emit(
    operator: string,
    inputs: readonly string[],
    dims: readonly number[],
    attributes: Parameters<typeof node>[3] = {},
  ): PoolValue {
    const name = this.fresh();
    this.nodes.push(node(operator, inputs.join(' '), name, attributes));
    // No gradient flows through a comparison.
    this.parents.set(name, operator === 'Greater' ? [] : inputs);
    return { name, dims };
  }

  many(
    operator: string,
    inputs: readonly string[],
    shapes: readonly (readonly number[])[],
    attributes: Parameters<typeof node>[3],
  ): PoolValue[] {
    const names = shapes.map(() => this.fresh());
    this.nodes.push(node(operator, inputs.join(' '), names.join(' '), attributes));
    for (const name of names) this.parents.set(name, inputs);
    return names.map((name, index) => ({ name, dims: shapes[index] ?? [] }));
  }

  /** x² + offset: positive. */
  positive(x: PoolValue): PoolValue {
    const square = this.emit('Mul', [x.name, x.name], x.dims);
    return this.emit('Add', [square.name, this.constant(float([], [0.7]))], x.dims);
  }

  /** Keeps numbers from growing over a chain of products. */
  bounded(x: PoolValue): PoolValue {
    return this.emit('Tanh', [x.name], x.dims);
  }
}

function broadcastDims(a: readonly number[], b: readonly number[]): readonly number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const dims: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) return undefined;
    dims.push(left === 1 ? right : left);
  }
  return dims;
}

interface Choice {
  readonly writer: Writer;
  readonly x: PoolValue;
  /** Another value of the pool, if one broadcasts with x. */
  readonly other: PoolValue;
  readonly dims: readonly number[];
  readonly pool: readonly PoolValue[];
  /** A whole number below `count` that the step decides. */
  readonly pick: (count: number) => number;
}

type Maker = (choice: Choice) => PoolValue | readonly PoolValue[] | undefined;

const unary =
  (operator: string): Maker =>
  ({ writer, x }) =>
    writer.emit(operator, [x.name], x.dims);

const ofPositive =
  (operator: string): Maker =>
  ({ writer, x }) =>
    writer.emit(operator, [writer.positive(x).name], x.dims);

const alongAxis =
  (operator: string): Maker =>
  ({ writer, x, pick }) => {
    if (x.dims.length === 0) return undefined;
    // As in reductions, axes of empty tensors count from the start.
    const shift = x.dims.includes(0) ? 0 : x.dims.length;
    const axis = pick(x.dims.length + shift) - shift;
    return writer.emit(operator, [x.name], x.dims, { axis });
  };

const binary =
  (operator: string, isBounded = false): Maker =>
  ({ writer, x, other, dims }) => {
    const y = writer.emit(operator, [x.name, other.name], dims);
    return isBounded ? writer.bounded(y) : y;
  };

const extreme =
  (operator: string): Maker =>
  ({ writer, x, other, dims }) => {
    if (x.name === other.name) return undefined;
    writer.distances.push(writer.emit('Sub', [x.name, other.name], dims).name);
    return writer.emit(operator, [x.name, other.name], dims);
  };

const threshold =
  (operator: string): Maker =>
  ({ writer, x }) => {
    writer.distances.push(writer.emit('Identity', [x.name], x.dims).name);
    return writer.emit(operator, [x.name], x.dims);
  };

const reduction =
  (operator: string, needsPositive = false): Maker =>
  ({ writer, x, pick }) => {
    // The norm and the logarithm have no slope where nothing is summed.
    if (elementCount(x.dims) === 0 && !['ReduceSum', 'ReduceSumSquare'].includes(operator))
      return undefined;
    const rank = x.dims.length;
    const keepdims = pick(2);
    const source = needsPositive ? writer.positive(x).name : x.name;
    if (rank === 0 || pick(4) === 0) {
      return writer.emit(operator, [source], keepdims === 1 ? x.dims.map(() => 1) : [], {
        keepdims,
      });
    }
    const chosen = pick(2 * rank) - rank;
    const place = (chosen + rank) % rank;
    // ONNX Runtime 1.30 does not see a negative axis when it reduces an empty tensor.
    const axis = x.dims.includes(0) ? place : chosen;
    const dims = x.dims.flatMap((size, index) =>
      index !== place ? [size] : keepdims === 1 ? [1] : [],
    );
    return writer.emit(operator, [source, writer.constant(ints(axis))], dims, { keepdims });
  };

/** The operators of which random graphs are made. */
const makers: readonly Maker[] = [
  unary('Tanh'),
  unary('Sigmoid'),
  unary('Sin'),
  unary('Cos'),
  unary('Neg'),
  unary('Identity'),
  ofPositive('Sqrt'),
  ofPositive('Log'),
  ofPositive('Reciprocal'),
  ({ writer, x }) => writer.emit('Exp', [writer.bounded(x).name], x.dims),
  alongAxis('Softmax'),
  alongAxis('LogSoftmax'),
  threshold('Relu'),
  threshold('Abs'),
  binary('Add'),
  binary('Sub'),
  binary('Mul', true),
  binary('Sum'),
  extreme('Max'),
  extreme('Min'),
  ({ writer, x, other, dims }) => writer.emit('Div', [x.name, writer.positive(other).name], dims),
  ({ writer, x, pick }) =>
    writer.bounded(writer.emit('Pow', [x.name, writer.constant(float([], [2 + pick(2)]))], x.dims)),
  ({ writer, x, other, dims }) => {
    const condition = writer.emit('Greater', [x.name, other.name], dims);
    if (x.name !== other.name) {
      writer.distances.push(writer.emit('Sub', [x.name, other.name], dims).name);
    }
    return writer.emit('Where', [condition.name, x.name, other.name], dims);
  },
  reduction('ReduceSum'),
  reduction('ReduceMean'),
  reduction('ReduceSumSquare'),
  reduction('ReduceLogSumExp'),
  reduction('ReduceL2', true),
  reduction('ReduceLogSum', true),
  ({ writer, x, pick }) => {
    const last = x.dims.at(-1);
    if (last === undefined || last === 0) return undefined;
    const seed = pick(1000);
    const scale = writer.constant(spread([last], seed));
    const bias = writer.constant(spread([last], seed + 1));
    return writer.emit('LayerNormalization', [x.name, scale, bias], x.dims, {
      axis: -1,
      epsilon: { float: 0.1 },
    });
  },
  ({ writer, x, pool, pick }) => {
    const inner = x.dims.at(-1);
    // ONNX Runtime 1.30 refuses the product of no rows and a vector.
    if (inner === undefined || x.dims.includes(0)) return undefined;
    const fits = pool.filter(
      ({ dims }) => dims.length <= 2 && dims.length > 0 && (dims.at(-2) ?? dims[0]) === inner,
    );
    const right = fits[pick(Math.max(1, fits.length))];
    if (right === undefined) {
      const weight = writer.constant(spread([inner, 2], pick(1000)));
      return writer.bounded(writer.emit('MatMul', [x.name, weight], [...x.dims.slice(0, -1), 2]));
    }
    const dims = [...x.dims.slice(0, -1), ...right.dims.slice(1)];
    return writer.bounded(writer.emit('MatMul', [x.name, right.name], dims));
  },
  ({ writer, x, pick }) => {
    const [rows, columns] = x.dims;
    // ONNX Runtime 1.30 dies of an Einsum that sums over an axis of 0.
    if (x.dims.length !== 2 || !rows || !columns) return undefined;
    const transB = pick(2);
    const equation = transB === 0 ? 'ij,jk->ki' : 'ij,kj->ik';
    const weight = writer.constant(spread(transB === 0 ? [columns, 2] : [2, columns], pick(1000)));
    return writer.bounded(
      writer.emit('Einsum', [x.name, weight], transB === 0 ? [2, rows] : [rows, 2], { equation }),
    );
  },
  ({ writer, x, pick }) => {
    const rank = x.dims.length;
    const shift = rank === 0 ? 0 : pick(rank);
    const perm = x.dims.map((_, axis) => (axis + shift) % rank);
    if (perm.length === 0) return undefined;
    return writer.emit(
      'Transpose',
      [x.name],
      perm.map((axis) => x.dims[axis] ?? 1),
      { perm },
    );
  },
  ({ writer, x }) =>
    writer.emit(
      'Reshape',
      [x.name, writer.constant(ints(elementCount(x.dims)))],
      [elementCount(x.dims)],
      {
        allowzero: 1,
      },
    ),
  ({ writer, x, pick }) => {
    const axis = pick(x.dims.length + 1);
    const dims = [...x.dims.slice(0, axis), 1, ...x.dims.slice(axis)];
    return writer.emit('Unsqueeze', [x.name, writer.constant(ints(axis))], dims);
  },
  ({ writer, x }) => {
    const axis = x.dims.indexOf(1);
    if (axis < 0) return undefined;
    const dims = x.dims.filter((_, index) => index !== axis);
    return writer.emit('Squeeze', [x.name, writer.constant(ints(axis - x.dims.length))], dims);
  },
  ({ writer, x }) => {
    const dims = [2, ...x.dims.map((size) => (size === 1 ? 2 : size))];
    return writer.emit('Expand', [x.name, writer.constant(ints(...dims))], dims);
  },
  ({ writer, x, pick }) => {
    const repeats = x.dims.map(() => 1 + pick(2));
    const dims = x.dims.map((size, axis) => size * (repeats[axis] ?? 1));
    return writer.emit('Tile', [x.name, writer.constant(ints(...repeats))], dims);
  },
  ({ writer, x, pool, pick }) => {
    if (x.dims.length === 0) return undefined;
    const axis = pick(x.dims.length);
    const fits = pool.filter(
      ({ dims }) =>
        dims.length === x.dims.length &&
        dims.every((size, index) => index === axis || size === x.dims[index]),
    );
    const partner = fits[pick(Math.max(1, fits.length))] ?? x;
    const dims = x.dims.map((size, index) =>
      index === axis ? size + (partner.dims[axis] ?? 0) : size,
    );
    return writer.emit('Concat', [x.name, partner.name], dims, { axis: axis - x.dims.length });
  },
  ({ writer, x, pick }) => {
    if (x.dims.length === 0) return undefined;
    const axis = pick(x.dims.length);
    const size = x.dims[axis] ?? 0;
    const cut = pick(size + 1);
    const shapes = [cut, size - cut].map((part) =>
      x.dims.map((old, index) => (index === axis ? part : old)),
    );
    return writer.many('Split', [x.name, writer.constant(ints(cut, size - cut))], shapes, { axis });
  },
  ({ writer, x, pick }) => {
    if (x.dims.length === 0) return undefined;
    const axis = pick(x.dims.length);
    const size = x.dims[axis] ?? 0;
    const start = pick(size + 1);
    const step = pick(2) === 0 ? 1 : -1;
    const end = step === 1 ? 2 ** 31 : -(2 ** 31);
    const taken = size === 0 ? 0 : step === 1 ? size - start : Math.min(start, size - 1) + 1;
    const bounds = [start, end, axis, step].map((value) => writer.constant(ints(value)));
    const dims = x.dims.map((old, index) => (index === axis ? taken : old));
    return writer.emit('Slice', [x.name, ...bounds], dims);
  },
  ({ writer, x, pick }) => {
    if (x.dims.length === 0) return undefined;
    const axis = pick(x.dims.length);
    const size = x.dims[axis] ?? 0;
    if (size === 0) return undefined;
    const indices = [pick(size), pick(size) - size];
    const dims = [...x.dims.slice(0, axis), 2, ...x.dims.slice(axis + 1)];
    return writer.emit('Gather', [x.name, writer.constant(ints(...indices))], dims, { axis });
  },
  ({ writer, x, pick }) => {
    if (x.dims.length === 0) return undefined;
    const indices = x.dims.map((size) => pick(Math.max(1, size)));
    if (x.dims.includes(0)) return undefined;
    const index = writer.constant(int64([1, x.dims.length], indices));
    return writer.emit('GatherND', [x.name, index], [1]);
  },
  ({ writer, x, pick }) => {
    if (x.dims.length === 0 || x.dims.includes(0)) return undefined;
    const rank = x.dims.length;
    const update = writer.emit('Sin', [x.name], x.dims);
    const flat = writer.emit(
      'Reshape',
      [update.name, writer.constant(ints(-1))],
      [elementCount(x.dims)],
    );
    const one = writer.emit('Gather', [flat.name, writer.constant(ints(0))], [1]);
    const index = writer.constant(
      int64(
        [1, rank],
        x.dims.map((size) => pick(size)),
      ),
    );
    return writer.emit('ScatterND', [x.name, index, one.name], x.dims, {
      reduction: pick(2) === 0 ? 'none' : 'add',
    });
  },
  ({ writer, x, pick }) => {
    if (x.dims.length === 0 || x.dims.includes(0)) return undefined;
    const mode = ['constant', 'edge', 'wrap'][pick(3)] ?? 'constant';
    const before = x.dims.map(() => pick(2));
    const after = x.dims.map(() => pick(2));
    const dims = x.dims.map((size, axis) => size + (before[axis] ?? 0) + (after[axis] ?? 0));
    return writer.emit('Pad', [x.name, writer.constant(ints(...before, ...after))], dims, { mode });
  },
  ({ writer, x, pick }) => {
    if (x.dims.length === 0) return undefined;
    const axis = writer.constant(int64([], [pick(2 * x.dims.length) - x.dims.length]));
    return writer.emit('CumSum', [x.name, axis], x.dims, { exclusive: pick(2), reverse: pick(2) });
  },
  ({ writer, x, pick }) =>
    x.dims.length < 2 ? undefined : writer.emit('Trilu', [x.name], x.dims, { upper: pick(2) }),
];

/** Builds the graph that the steps describe; a step that does not fit its value is left out. */
export function buildRandomGraph({ leaves, steps, seed }: Recipe): RandomGraph {
  const writer = new Writer();
  const inputs: Record<string, TestTensor> = {};
  const pool: PoolValue[] = leaves.map((leaf, index) => {
    const dims = leafShapes[leaf % leafShapes.length] ?? [];
    const name = `x${index}`;
    inputs[name] = spread(dims, seed + index, { low: -1.5, high: 1.5 });
    return { name, dims };
  });
  for (const step of steps) {
    // Later values are likelier, so that chains grow; all can be met again.
    const at = (number: number): PoolValue =>
      pool[pool.length - 1 - (number % Math.min(pool.length, 6))] ?? { name: 'x0', dims: [] };
    const x = at(step.first);
    const partner = at(step.second);
    const dims = broadcastDims(x.dims, partner.dims);
    let rest = step.choice;
    const pick = (count: number): number => {
      const value = rest % count;
      rest = Math.floor(rest / count) + 7 * count;
      return value;
    };
    const maker = makers[step.operator % makers.length];
    const made = maker?.({
      writer,
      x,
      other: dims === undefined ? x : partner,
      dims: dims ?? x.dims,
      pool,
      pick,
    });
    if (made === undefined) continue;
    for (const value of 'name' in made ? [made] : made) {
      const isLarge = elementCount(value.dims) > largest;
      pool.push(
        isLarge
          ? writer.emit('ReduceMean', [value.name, writer.constant(ints(0))], value.dims.slice(1), {
              keepdims: 0,
            })
          : value,
      );
    }
  }
  if (writer.nodes.length === 0) pool.push(writer.emit('Tanh', ['x0'], pool[0]?.dims ?? []));
  const made = pool.filter(({ name }) => name.startsWith('v'));
  const outputs = [...new Set([made.at(-1)?.name ?? '', made.at(-2)?.name ?? ''])].filter(
    (name) => name !== '',
  );
  const ancestors = new Set<string>();
  const visit = (name: string): void => {
    if (ancestors.has(name)) return;
    ancestors.add(name);
    for (const parent of writer.parents.get(name) ?? []) visit(parent);
  };
  outputs.forEach(visit);
  const dependsOnInput = (name: string): boolean =>
    (writer.parents.get(name) ?? []).some(
      (parent) => inputs[parent] !== undefined || dependsOnInput(parent),
    );
  return {
    nodes: writer.nodes,
    inputs,
    constants: writer.constants,
    outputs,
    opset: 21,
    wrt: Object.keys(inputs).filter((name) => ancestors.has(name)),
    distances: writer.distances,
    between: [...ancestors].filter((name) => dependsOnInput(name)),
  };
}

/** What `buildRandomGraph` makes a graph of up to a dozen steps from. */
export const recipes: fc.Arbitrary<Recipe> = fc.record({
  leaves: fc.array(fc.nat({ max: 8 }), { minLength: 1, maxLength: 3 }),
  steps: fc.array(
    fc.record({
      operator: fc.nat({ max: 9999 }),
      first: fc.nat({ max: 99 }),
      second: fc.nat({ max: 99 }),
      choice: fc.nat({ max: 1 << 30 }),
    }),
    { minLength: 2, maxLength: 12 },
  ),
  seed: fc.nat({ max: 9999 }),
});
