import type { GradientRule, RuleContext } from '../differentiate/gradient-rule.js';
import type { Value } from '../graph/graph-builder.js';

/** Sums from the other end. */
export const cumSum: GradientRule = (context) => [
  cumulate(context, 'CumSum', context.gradOutput(0), { reverse: !isReverse(context) }),
  null,
];

function isReverse({ attributes }: RuleContext): boolean {
  return attributes.int('reverse', 0) === 1;
}

function cumulate(
  { ops, input, attributes }: RuleContext,
  operator: 'CumSum' | 'CumProd',
  value: Value,
  { reverse, exclusive }: { readonly reverse: boolean; readonly exclusive?: boolean },
): Value {
  const isExclusive = exclusive ?? attributes.int('exclusive', 0) === 1;
  return ops.emit(operator, [value, input(1)], {
    attributes: { exclusive: isExclusive ? 1 : 0, reverse: reverse ? 1 : 0 },
  });
}

/**
 * CumProd, y_i = Π_{j≤i} x_j: dx_k = Σ_{i≥k} dy_i y_i / x_k.
 *
 * Up to the first zero this is divided by no zero. At the first zero the product of the others is taken,
 * by putting 1 in its place; behind it all outputs are 0 and stay so.
 */
export const cumProd: GradientRule = (context) => {
  const { ops, input, output, gradOutput } = context;
  const [x, dy] = [input(0), gradOutput(0)];
  const reverse = isReverse(context);
  const isZero = ops.equal(x, 0);
  const zeros = cumulate(context, 'CumSum', ops.indicator(isZero, x), {
    reverse,
    exclusive: false,
  });
  const sumBack = (value: Value): Value =>
    cumulate(context, 'CumSum', value, { reverse: !reverse });
  const regular = ops.div(sumBack(ops.mul(dy, output(0))), ops.where(isZero, 1, x));
  const isFirstZero = ops.and(isZero, ops.equal(zeros, 1));
  const withoutFirst = cumulate(context, 'CumProd', ops.where(isFirstZero, 1, x), { reverse });
  const atZero = sumBack(ops.mul(dy, withoutFirst));
  const behind = ops.where(isFirstZero, atZero, 0);
  return [ops.where(ops.equal(zeros, 0), regular, behind), null];
};

/** ReverseSequence turns around what it turned around. */
export const reverseSequence: GradientRule = ({ node, ops, input, gradOutput }) => {
  const name = ops.builder.freshName('ReverseSequence');
  ops.builder.addNode({ ...node, name, inputs: [gradOutput(0), input(1)], outputs: [name] });
  return [name, null];
};

// y_i = start + i·delta; the limit only decides how many there are.
export const range: GradientRule = ({ ops, input, gradOutput, needs, typeOf }) => {
  const dy = gradOutput(0);
  const steps = (): Value => ops.cast(ops.range(ops.shape(dy)), typeOf(0));
  const total = (value: Value): Value => ops.reduceSum(value, undefined, false);
  return [
    needs(0) ? total(dy) : null,
    needs(1) ? ops.zerosLike(input(1)) : null,
    needs(2) ? total(ops.mul(dy, steps())) : null,
  ];
};
