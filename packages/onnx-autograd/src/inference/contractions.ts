import { elementTypeOfCode } from '../codec/element-types.js';
import type { Dimension } from '../codec/model.js';
import type { InferenceContext, InferenceRule } from './inference-rule.js';
import { axesOf, freshShape } from './movement.js';
import { broadcastShapes, knownShape, normalizeAxis, type TensorInfo } from './tensor-info.js';

export const matMul: InferenceRule = (context) => [
  matMulInfo(context, context.input(0), context.input(1)),
];

function matMulInfo(
  context: InferenceContext,
  left: TensorInfo | undefined,
  right: TensorInfo | undefined,
): TensorInfo {
  const type = left?.type ?? right?.type;
  const a = knownShape(left);
  const b = knownShape(right);
  if (a === undefined || b === undefined) return { type, shape: context.symbols.shape() };
  const [m, n] = [a.at(-2) ?? 1, b.at(-1) ?? 1];
  // The summed axes are never stretched: a product of others fails.
  const summed = [a.at(-1), b.length > 1 ? b.at(-2) : b.at(-1)];
  if (summed[0] !== undefined && summed[1] !== undefined) {
    context.symbols.equate(summed[0], summed[1]);
  }
  const batch = broadcastShapes(a.slice(0, -2), b.slice(0, -2), context.symbols);
  const rows: Dimension[] = a.length > 1 ? [m] : [];
  const columns: Dimension[] = b.length > 1 ? [n] : [];
  return { type, shape: [...batch, ...rows, ...columns] };
}

function swapLast(dims: readonly Dimension[]): Dimension[] {
  return dims.length < 2 ? [...dims] : [...dims.slice(0, -2), dims.at(-1) ?? 1, dims.at(-2) ?? 1];
}

export const fusedMatMul: InferenceRule = (context) => {
  const transposed = (index: number, attribute: string): TensorInfo | undefined => {
    const info = context.input(index);
    const dims = knownShape(info);
    const swap = context.attributes.int(attribute, 0) === 1;
    return info === undefined || dims === undefined || !swap
      ? info
      : { ...info, shape: swapLast(dims) };
  };
  return [matMulInfo(context, transposed(0, 'transA'), transposed(1, 'transB'))];
};

export const gemm: InferenceRule = ({ input, attributes, symbols }) => {
  const a = knownShape(input(0));
  const b = knownShape(input(1));
  const m = a?.[attributes.int('transA', 0) === 1 ? 1 : 0] ?? symbols.dimension();
  const n = b?.[attributes.int('transB', 0) === 1 ? 0 : 1] ?? symbols.dimension();
  return [{ type: input(0)?.type, shape: [m, n] }];
};

export const matMulNBits: InferenceRule = ({ input, attributes, symbols }) => {
  const a = input(0);
  const dims = knownShape(a);
  const n = attributes.int('N', 0);
  return [
    { type: a?.type, shape: dims === undefined ? symbols.shape() : [...dims.slice(0, -1), n] },
  ];
};

export const dequantizeLinear: InferenceRule = ({ input, attributes, symbols }) => {
  const code = attributes.int('output_dtype', 0);
  const type = code === 0 ? input(1)?.type : elementTypeOfCode(code);
  return [{ type, shape: input(0)?.shape ?? symbols.shape() }];
};

/** The type is the zero point's, that of `output_dtype`, or uint8. */
export const quantizeLinear: InferenceRule = ({ input, attributes, symbols }) => {
  const code = attributes.int('output_dtype', 0);
  const point = input(2);
  const type = code !== 0 ? elementTypeOfCode(code) : point === undefined ? 'uint8' : point.type;
  return [{ type, shape: input(0)?.shape ?? symbols.shape() }];
};

export const reduce: InferenceRule = (context) => {
  const info = context.input(0);
  const dims = knownShape(info);
  const keeps = context.attributes.int('keepdims', 1) === 1;
  const given = context.attributes.has('axes') || (context.node.inputs[1] ?? '') !== '';
  const axes = axesOf(context, 1);
  if (dims === undefined || (given && axes === undefined)) {
    const shape =
      dims !== undefined && keeps ? freshShape(context, dims.length) : context.symbols.shape();
    return [{ type: info?.type, shape }];
  }
  if (
    (axes === undefined || axes.length === 0) &&
    context.attributes.int('noop_with_empty_axes', 0) === 1
  ) {
    return [info === undefined ? undefined : { type: info.type, shape: info.shape }];
  }
  const all = axes === undefined || axes.length === 0;
  const reduced = new Set(axes?.map((axis) => normalizeAxis(axis, dims.length)));
  const shape = dims.flatMap((value, axis): Dimension[] => {
    if (!all && !reduced.has(axis)) return [value];
    return keeps ? [1] : [];
  });
  return [{ type: info?.type, shape }];
};

export const argReduce: InferenceRule = (context) => {
  const dims = knownShape(context.input(0));
  if (dims === undefined) return [{ type: 'int64', shape: context.symbols.shape() }];
  const axis = normalizeAxis(context.attributes.int('axis', 0), dims.length);
  const keeps = context.attributes.int('keepdims', 1) === 1;
  const shape = dims.flatMap((value, index) => (index !== axis ? [value] : keeps ? [1] : []));
  return [{ type: 'int64', shape }];
};

export const topK: InferenceRule = (context) => {
  const info = context.input(0);
  const dims = knownShape(info);
  const count = context.constants(1)?.[0];
  if (dims === undefined) {
    const shape = context.symbols.shape();
    return [
      { type: info?.type, shape },
      { type: 'int64', shape },
    ];
  }
  const axis = normalizeAxis(context.attributes.int('axis', -1), dims.length);
  const shape = dims.map((value, index) =>
    index === axis ? (count ?? context.symbols.dimension()) : value,
  );
  return [
    { type: info?.type, shape },
    { type: 'int64', shape },
  ];
};

export const einsum: InferenceRule = (context) => {
  const type = context.input(0)?.type;
  const equation = context.attributes.string('equation', '').replaceAll(' ', '');
  const [terms = '', result] = equation.split('->');
  if (result === undefined || equation.includes('.'))
    return [{ type, shape: context.symbols.shape() }];
  const sizes = new Map<string, (Dimension | undefined)[]>();
  for (const [index, term] of terms.split(',').entries()) {
    const dims = knownShape(context.input(index));
    for (const [axis, letter] of [...term].entries()) {
      sizes.set(letter, [...(sizes.get(letter) ?? []), dims?.[axis]]);
    }
  }
  const shape = [...result].map(
    (letter) => stretched(sizes.get(letter) ?? []) ?? context.symbols.dimension(),
  );
  return [{ type, shape }];
};

/** Size of an axis to which operands of these sizes are stretched, if it can be known. */
function stretched(sizes: readonly (Dimension | undefined)[]): Dimension | undefined {
  const certain = sizes.find((size) => typeof size === 'number' && size !== 1);
  if (certain !== undefined) return certain;
  const others = sizes.filter((size) => size !== 1);
  if (others.length === 0) return 1;
  return others.every((size) => size === others[0]) ? others[0] : undefined;
}
