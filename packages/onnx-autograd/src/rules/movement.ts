import type { GradientRule, RuleContext } from '../differentiate/gradient-rule.js';
import type { Value } from '../graph/graph-builder.js';
import type { Operations } from '../graph/operations.js';
import { normalizeAxis } from '../inference/tensor-info.js';
import { addWhereTaken, scatterAlongAxis } from './scatter-along-axis.js';

/** Operators that only change the shape: Reshape, Squeeze, Unsqueeze, Flatten. */
export const reshapeBack: GradientRule = ({ ops, input, gradOutput }) => [
  ops.reshapeLike(gradOutput(0), input(0)),
];

export const transpose: GradientRule = ({ ops, gradOutput, attributes }) => {
  const permutation = attributes.ints('perm');
  // The default reverses all axes and is its own inverse.
  if (permutation === undefined) return [ops.emit('Transpose', [gradOutput(0)])];
  const inverse = permutation.map((_, axis) => permutation.indexOf(axis));
  return [ops.transpose(gradOutput(0), inverse)];
};

/** Expand: the driver sums the stretched axes. */
export const expand: GradientRule = ({ gradOutput }) => [gradOutput(0)];

/** Tile: [r₀d₀, r₁d₁, …] is seen as [r₀, d₀, r₁, d₁, …] and summed over the repeats. */
export const tile: GradientRule = ({ ops, input, gradOutput, shapeOf }) => {
  const columns = [input(1), ops.shape(input(0))].map((sizes) => ops.unsqueeze(sizes, [1]));
  const shape = ops.reshape(ops.concat(columns, 1), [-1]);
  const split = ops.reshape(gradOutput(0), shape, { allowzero: 1 });
  const rank = shapeOf(0)?.length;
  const repeats =
    rank === undefined
      ? ops.mul(ops.range(ops.emit('Shape', [input(1)])), 2)
      : Array.from({ length: rank }, (_, axis) => 2 * axis);
  return [ops.reduceSum(split, repeats, false)];
};

export const concat: GradientRule = ({ node, ops, input, gradOutput, attributes, needs }) => {
  const axis = attributes.int('axis', 1);
  const sizes = node.inputs.map((_, index) => ops.size(input(index), axis));
  if (node.inputs.length === 1) return [gradOutput(0)];
  const parts = ops.split(gradOutput(0), ops.concat(sizes, 0), axis, node.inputs.length);
  const { inference } = ops.builder;
  return parts.map((part, index) => {
    if (!needs(index)) return null;
    // The sizes are the inputs', also where they are found while the graph runs.
    inference.set(part, {
      type: inference.info(part).type,
      shape: inference.info(node.inputs[index] ?? '').shape,
    });
    return part;
  });
};

export const split: GradientRule = ({ node, ops, gradOutput, attributes }) => [
  ops.concat(
    node.outputs.map((_, index) => gradOutput(index)),
    attributes.int('axis', 0),
  ),
];

/**
 * Slice: dY is put back among zeros. With steps of 1 by padding; otherwise, and for bounds known only at
 * run time, at the positions that slicing 0, 1, 2, … gives; where not even the axes are known, by the numbers
 * of the elements that were taken.
 */
export const slice: GradientRule = (context) => {
  const { ops, gradOutput, constants, optionalInput, shapeOf, inputCount } = context;
  const dims = shapeOf(0);
  const starts = constants(1);
  const ends = constants(2);
  const axes = sliceAxes(context);
  const steps = optionalInput(4) === undefined ? axes?.map(() => 1) : constants(4);
  const rest = Array.from({ length: Math.max(0, inputCount - 1) }, () => null);
  if (axes === undefined) return [addWhereTaken(context, context.input(0), gradOutput(0)), ...rest];
  let gradient = gradOutput(0);
  // One axis after another, last to first: each step widens one axis to its old size.
  for (let index = axes.length - 1; index >= 0; index--) {
    const axis = axes[index] ?? 0;
    const size = dims?.[normalizeAxis(axis, dims.length)];
    const [start, end, step] = [starts?.[index], ends?.[index], steps?.[index]];
    gradient =
      typeof size === 'number' && start !== undefined && end !== undefined && step === 1
        ? padAxis(ops, gradient, axis, start, end, size, dims?.length ?? 0)
        : scatterAxis(context, gradient, axis, index, axes.length);
  }
  return [gradient, ...rest];
};

function sliceAxes({
  constants,
  optionalInput,
  shapeOf,
}: RuleContext): readonly number[] | undefined {
  if (optionalInput(3) !== undefined) return constants(3);
  const count = shapeOf(1)?.[0];
  if (typeof count !== 'number') return undefined;
  return Array.from({ length: count }, (_, axis) => axis);
}

function padAxis(
  ops: Operations,
  gradient: Value,
  axis: number,
  start: number,
  end: number,
  size: number,
  rank: number,
): Value {
  const clamp = (value: number): number =>
    Math.min(Math.max(value < 0 ? value + size : value, 0), size);
  const [before, after] = [clamp(start), size - Math.max(clamp(end), clamp(start))];
  if (before === 0 && after === 0) return gradient;
  const pads = new Array<number>(2 * rank).fill(0);
  pads[normalizeAxis(axis, rank)] = before;
  pads[normalizeAxis(axis, rank) + rank] = after;
  return ops.emit('Pad', [gradient, ops.int64(pads)]);
}

function scatterAxis(
  context: RuleContext,
  gradient: Value,
  axis: number,
  index: number,
  count: number,
): Value {
  const { ops, input, optionalInput, shapeOf } = context;
  const one = (position: number, fallback: number): Value => {
    const values = optionalInput(position);
    if (values === undefined) return ops.int64([fallback]);
    const wide = ops.cast(values, 'int64');
    return count === 1 ? wide : ops.gather(wide, ops.int64([index]), 0);
  };
  const size = ops.size(input(0), axis);
  const positions = ops.emit('Slice', [
    ops.range(size),
    one(1, 0),
    one(2, 0),
    ops.int64([0]),
    one(4, 1),
  ]);
  return scatterAlongAxis(ops, gradient, positions, size, axis, shapeOf(0)?.length);
}

/**
 * Pad: constant padding is undone by padding with the negated amounts, which cuts off what was added and puts
 * zeros where something was cut off; the other modes send gradients back to where the values came from.
 */
export const pad: GradientRule = (context) => {
  const { ops, input, gradOutput, attributes, optionalInput, needs } = context;
  const dy = gradOutput(0);
  if (attributes.string('mode', 'constant') !== 'constant') {
    return [addWhereTaken(context, input(0), dy), null, null, null];
  }
  const axes = optionalInput(3);
  const inverse = [dy, ops.neg(input(1)), ...(axes === undefined ? [] : ['', axes])];
  const gradient = ops.emit('Pad', inverse);
  const total = (x: Value): Value => ops.reduceSum(x, undefined, false);
  // What does not come from the data comes from the padding value.
  return [gradient, null, needs(2) ? ops.sub(total(dy), total(gradient)) : null, null];
};

export const trilu: GradientRule = ({ ops, gradOutput, attributes, optionalInput }) => {
  const diagonal = optionalInput(1);
  const inputs = diagonal === undefined ? [gradOutput(0)] : [gradOutput(0), diagonal];
  return [ops.emit('Trilu', inputs, { attributes: { upper: attributes.int('upper', 1) } }), null];
};

/** DepthToSpace and SpaceToDepth move elements about: the other one moves them back. */
export const depthToSpace: GradientRule = ({ ops, input, gradOutput, attributes }) => {
  const block = attributes.int('blocksize', 1);
  const dy = gradOutput(0);
  if (attributes.string('mode', 'DCR') === 'DCR') {
    return [ops.emit('SpaceToDepth', [dy], { attributes: { blocksize: block } })];
  }
  // CRD: [N, C, H·b, W·b] = [N, C, H, b, W, b] came from [N, C, b, b, H, W].
  const size = (axis: number): Value => ops.size(input(0), axis);
  const b = ops.int64([block]);
  const channels = ops.div(size(1), ops.int64([block * block]));
  const split = ops.reshape(dy, ops.concat([size(0), channels, size(2), b, size(3), b], 0));
  return [ops.reshapeLike(ops.transpose(split, [0, 1, 3, 5, 2, 4]), input(0))];
};

export const spaceToDepth: GradientRule = ({ ops, gradOutput, attributes }) => [
  ops.emit('DepthToSpace', [gradOutput(0)], {
    attributes: { blocksize: attributes.int('blocksize', 1), mode: 'DCR' },
  }),
];
