import type { GradientRule, RuleContext } from '../differentiate/gradient-rule.js';
import type { Value } from '../graph/graph-builder.js';
import type { Operations } from '../graph/operations.js';

interface ReductionTerms {
  readonly ops: Operations;
  readonly x: Value;
  /** dY with the reduced axes put back as axes of 1. */
  readonly dy: Value;
  /** Y likewise. */
  readonly y: () => Value;
}

/** Rule of a reduction: what comes back is stretched over the reduced axes. */
function reduction(gradient: (terms: ReductionTerms) => Value): GradientRule {
  return (context) => {
    const { ops, input, output, gradOutput } = context;
    const x = input(0);
    const dy = putAxesBack(context, gradOutput(0));
    return [gradient({ ops, x, dy, y: () => putAxesBack(context, output(0)) }), null];
  };
}

function putAxesBack(context: RuleContext, value: Value): Value {
  const { ops, attributes, optionalInput, constants } = context;
  if (attributes.int('keepdims', 1) === 1) return value;
  const axes = attributes.ints('axes') ?? constants(1);
  if (axes !== undefined && axes.length > 0) return ops.unsqueeze(value, axes);
  const given = optionalInput(1);
  // Axes known only at run time: Unsqueeze takes them as they are.
  if (given !== undefined && axes === undefined) return ops.emit('Unsqueeze', [value, given]);
  // With all axes reduced it is one number, which broadcasts as it is.
  return value;
}

export const reduceSum: GradientRule = reduction(({ ops, x, dy }) => ops.expand(dy, ops.shape(x)));

/** Mean: a sum divided by the number of elements in it, which may be known only at run time. */
export const reduceMean: GradientRule = (context) => {
  const { ops, input, output, gradOutput } = context;
  const x = input(0);
  const divisor = ops.emit('Max', [ops.emit('Size', [output(0)]), ops.int64Scalar(1)]);
  const count = ops.cast(ops.div(ops.emit('Size', [x]), divisor), ops.typeOf(x));
  const share = ops.div(putAxesBack(context, gradOutput(0)), count);
  return [ops.expand(share, ops.shape(x)), null];
};

// The extreme shares its gradient evenly between ties, as PyTorch's amax does.
export const reduceExtreme: GradientRule = (context) => {
  const { ops, input, output, gradOutput } = context;
  const y = putAxesBack(context, output(0));
  const mask = ops.indicator(ops.equal(input(0), y), gradOutput(0));
  const ties = reduceLike(context, mask);
  return [ops.mul(mask, ops.div(putAxesBack(context, gradOutput(0)), ties)), null];
};

/** Sums a tensor of x's shape over the node's axes and keeps these as axes of 1. */
function reduceLike(
  { ops, attributes, optionalInput, constants }: RuleContext,
  value: Value,
): Value {
  const axes = attributes.ints('axes') ?? constants(1);
  if (axes !== undefined && axes.length > 0) return ops.reduceSum(value, axes, true);
  const given = optionalInput(1);
  const isNothingReduced = attributes.int('noop_with_empty_axes', 0) === 1;
  if (given !== undefined && axes === undefined) {
    return ops.emit('ReduceSum', [value, given], {
      attributes: { keepdims: 1, noop_with_empty_axes: isNothingReduced ? 1 : 0 },
    });
  }
  return isNothingReduced ? value : ops.reduceSum(value, undefined, true);
}

export const reduceL1: GradientRule = reduction(({ ops, x, dy }) => ops.mul(ops.sign(x), dy));
// d‖x‖ = x/‖x‖; at 0 the gradient is 0, as PyTorch's.
export const reduceL2: GradientRule = reduction(({ ops, x, dy, y }) => {
  const norm = y();
  return ops.mul(x, ops.where(ops.equal(norm, 0), 0, ops.div(dy, norm)));
});
export const reduceSumSquare: GradientRule = reduction(({ ops, x, dy }) =>
  ops.mul(ops.mul(x, 2), dy),
);
// y = ln Σ x
export const reduceLogSum: GradientRule = reduction(({ ops, x, dy, y }) =>
  ops.expand(ops.div(dy, ops.exp(y())), ops.shape(x)),
);
// y = ln Σ eˣ
export const reduceLogSumExp: GradientRule = reduction(({ ops, x, dy, y }) =>
  ops.mul(ops.exp(ops.sub(x, y())), dy),
);

/**
 * ReduceProd: the product of the others. Where x holds one zero, it is the product of the rest; with two
 * or more it is 0. Zeros are counted, so no division by zero happens.
 */
export const reduceProd: GradientRule = (context) => {
  const { ops, input, gradOutput } = context;
  const x = input(0);
  const dy = putAxesBack(context, gradOutput(0));
  const isZero = ops.equal(x, 0);
  const zeros = ops.indicator(isZero, dy);
  const count = reduceLike(context, zeros);
  const safe = ops.where(isZero, 1, x);
  const magnitude = ops.exp(reduceLike(context, ops.log(ops.emit('Abs', [safe]))));
  const negatives = reduceLike(context, ops.indicator(ops.less(x, 0), dy));
  const half = ops.mul(negatives, 0.5);
  const isOdd = ops.sub(half, ops.emit('Floor', [half]));
  const product = ops.mul(magnitude, ops.sub(1, ops.mul(isOdd, 4)));
  // Zeros among the others of this element.
  const others = ops.sub(count, zeros);
  const slope = ops.where(ops.equal(others, 0), ops.div(product, safe), 0);
  return [ops.mul(slope, dy), null];
};
