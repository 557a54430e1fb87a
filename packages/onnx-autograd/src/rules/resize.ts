import type { Dimension } from '../codec/model.js';
import type { GradientRule, RuleContext } from '../differentiate/gradient-rule.js';
import type { Value } from '../graph/graph-builder.js';
import { normalizeAxis } from '../inference/tensor-info.js';

/**
 * Resize is linear and works on each axis alone, Y = R_a X along axis a, so dX = R_aᵀ dY, axis by axis.
 *
 * R_aᵀ is what the operator itself makes of the rows of an identity matrix: whatever the interpolation, the
 * coordinates and the rounding, the gradient is the adjoint of what was computed.
 */
export const resize: GradientRule = (context) => {
  const { ops, input, gradOutput, attributes, inputCount, unsupported } = context;
  const coordinates = attributes.string('coordinate_transformation_mode', 'half_pixel');
  if (coordinates === 'tf_crop_and_resize') unsupported('does not know tf_crop_and_resize');
  const policy = attributes.string('keep_aspect_ratio_policy', 'stretch');
  if (policy !== 'stretch') unsupported(`does not know keep_aspect_ratio_policy "${policy}"`);
  const x = input(0);
  const rank = ops.requireRank(x);
  const listed = attributes.ints('axes') ?? Array.from({ length: rank }, (_, axis) => axis);
  let gradient = gradOutput(0);
  for (const [index, listedAxis] of listed.entries()) {
    const axis = normalizeAxis(listedAxis, rank);
    if (isUnchanged(context, axis, index, coordinates)) continue;
    gradient = alongAxis(context, gradient, axis, rank, interpolation(context, axis, index));
  }
  return [gradient, ...new Array<null>(Math.max(0, inputCount - 1)).fill(null)];
};

/** The input that says how to resize: scales, or sizes in their stead. */
function target({ optionalInput, shapeOf, unsupported }: RuleContext): {
  readonly position: 2 | 3;
  readonly value: Value;
} {
  const [scales, sizes] = [optionalInput(2), optionalInput(3)];
  // Older exporters leave scales out by giving an empty tensor.
  if (scales !== undefined && !(sizes !== undefined || shapeOf(2)?.[0] === 0)) {
    return { position: 2, value: scales };
  }
  if (sizes === undefined) return unsupported('needs scales or sizes');
  return { position: 3, value: sizes };
}

/** Whether an axis certainly keeps its elements as they are. */
function isUnchanged(
  context: RuleContext,
  axis: number,
  index: number,
  coordinates: string,
): boolean {
  // This mode shifts by half an element also where nothing is scaled.
  if (coordinates === 'tf_half_pixel_for_nn') return false;
  const { position, value } = target(context);
  const known: readonly Dimension[] | undefined =
    context.constants(position) ?? context.ops.builder.inference.info(value).values;
  const wanted = known?.[index];
  return wanted === (position === 2 ? 1 : context.shapeOf(0)?.[axis]);
}

/** R_aᵀ, [size of the input, size of the output]: row i is the image of the i-th unit vector. */
function interpolation(context: RuleContext, axis: number, index: number): Value {
  const { node, ops, input } = context;
  const size = ops.size(input(0), axis);
  const type = ops.typeOf(input(0));
  const square = ops.fill(ops.concat([size, size], 0), 0, type);
  const identity = ops.emit('EyeLike', [square]);
  const one = ops.int64([1]);
  // Units are samples, so that the kernel sees a row of pixels in each.
  const images = ops.reshape(identity, ops.concat([size, one, one, size], 0), { allowzero: 1 });
  const { position, value } = target(context);
  const wanted = ops.gather(value, ops.int64([index]), 0);
  const isScale = position === 2;
  const others = isScale ? [ops.builder.constant('float32', [3], [1, 1, 1])] : [size, one, one];
  const all = ops.concat([...others, wanted], 0);
  const resized = ops.builder.freshName('Resize');
  ops.builder.addNode({
    ...node,
    name: resized,
    inputs: isScale ? [images, '', all] : [images, '', '', all],
    outputs: [resized],
    attributes: node.attributes.filter(({ name }) => name !== 'axes'),
  });
  return ops.reshape(resized, ops.concat([size, ops.size(resized, 3)], 0), { allowzero: 1 });
}

/** Multiplies a matrix [in, out] with one axis of `dy`. */
function alongAxis(
  { ops }: RuleContext,
  dy: Value,
  axis: number,
  rank: number,
  matrix: Value,
): Value {
  if (axis === rank - 1) return ops.matMul(dy, matrix, { transposeB: true });
  const order = Array.from({ length: rank }, (_, other) => other);
  order[axis] = rank - 1;
  order[rank - 1] = axis;
  const moved = ops.matMul(ops.transpose(dy, order), matrix, { transposeB: true });
  return ops.transpose(moved, order);
}
