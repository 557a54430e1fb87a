import type { Dimension } from '../codec/model.js';
import { sameShape } from '../inference/tensor-info.js';
import type { Value } from './graph-builder.js';
import type { Operations } from './operations.js';

/**
 * The adjoint of broadcasting: sums `gradient` over the axes along which `like` was stretched.
 *
 * Where both shapes are known, the axes are; else they are found while the graph runs.
 *
 * @param living A value of the shape of `like` to ask for it at run time. Default `like`; under checkpointing a
 *   recomputed copy, since asking the original would keep it in memory until then.
 */
export function sumToShape(
  ops: Operations,
  gradient: Value,
  like: Value,
  living: () => Value = () => like,
): Value {
  const { inference } = ops.builder;
  const from = inference.info(gradient).shape;
  const to = inference.info(like).shape;
  if (sameShape(from, to)) return gradient;
  if (typeof from !== 'string' && typeof to !== 'string') {
    const axes = stretchedAxes(from, to);
    if (axes !== undefined)
      return sumStatically(ops, gradient, like, axes, from.length - to.length);
  }
  return sumAtRunTime(ops, gradient, like, living());
}

/** Axes of `from` to be summed, or `undefined` if a symbol might be 1 on one side only. */
function stretchedAxes(from: readonly Dimension[], to: readonly Dimension[]): number[] | undefined {
  const extra = from.length - to.length;
  if (extra < 0) return undefined;
  const axes = from.slice(0, extra).map((_, axis) => axis);
  for (const [index, size] of to.entries()) {
    const stretched = from[index + extra];
    if (size === stretched) continue;
    if (size === 1) axes.push(index + extra);
    // A gradient's axis is as long as the longest operand's: a size above 1 is the same on both sides.
    else if (typeof size === 'number' && size > 1) continue;
    else return undefined;
  }
  return axes;
}

function sumStatically(
  ops: Operations,
  gradient: Value,
  like: Value,
  axes: readonly number[],
  extra: number,
): Value {
  const onlyLeading = axes.every((axis) => axis < extra);
  const summed = ops.reduceSum(gradient, axes, !onlyLeading);
  const leading = Array.from({ length: extra }, (_, axis) => axis);
  const result = onlyLeading || extra === 0 ? summed : ops.squeeze(summed, leading);
  return named(ops, result, like);
}

function sumAtRunTime(ops: Operations, gradient: Value, like: Value, living: Value): Value {
  const from = ops.emit('Shape', [gradient]);
  const to = ops.emit('Shape', [living]);
  const missing = ops.sub(ops.emit('Shape', [from]), ops.emit('Shape', [to]));
  const aligned = ops.concat([ops.fill(missing, 1, 'int64'), to], 0);
  const differs = ops.not(ops.equal(from, aligned));
  // NonZero takes numbers of every kind, ReduceSum wants its axes in one row.
  const axes = ops.reshape(ops.emit('NonZero', [ops.cast(differs, 'int64')]), [-1]);
  const summed = ops.reduceSum(gradient, axes, true);
  return named(ops, ops.reshape(summed, to, { allowzero: 1 }), like);
}

/** Records that the result has the shape of `like`, which inference may not see. */
function named(ops: Operations, result: Value, like: Value): Value {
  const { inference } = ops.builder;
  inference.set(result, {
    type: inference.info(result).type,
    shape: inference.info(like).shape,
  });
  return result;
}
