import type { GradientRule, RuleContext } from '../differentiate/gradient-rule.js';
import type { Value } from '../graph/graph-builder.js';

/**
 * NegativeLogLikelihoodLoss: each sample takes −w·dy at its label, over the weights' sum for the mean.
 */
export const negativeLogLikelihoodLoss: GradientRule = (context) => {
  const { needs } = context;
  if (needs(2)) context.unsupported('does not reach the class weights');
  return [atLabels(context, context.gradOutput(0)), null, null];
};

/** SoftmaxCrossEntropyLoss: the same on log p = LogSoftmax(scores), output 1. */
export const softmaxCrossEntropyLoss: GradientRule = (context) => {
  const { ops, input, needs, hasOutput, optionalGradOutput } = context;
  if (needs(2)) context.unsupported('does not reach the class weights');
  const loss = optionalGradOutput(0);
  const direct = hasOutput(1) ? optionalGradOutput(1) : undefined;
  const parts = [
    ...(loss === undefined ? [] : [atLabels(context, loss)]),
    ...(direct === undefined ? [] : [direct]),
  ];
  const dy = parts.slice(1).reduce((sum, part) => ops.add(sum, part), parts[0] ?? '');
  const probability = ops.softmax(input(0), 1);
  const total = ops.reduceSum(dy, [1], true);
  return [ops.sub(dy, ops.mul(probability, total)), null, null];
};

/** −w·dy at each label [N, C, …], zeros elsewhere. */
function atLabels(
  { ops, input, optionalInput, attributes, typeOf }: RuleContext,
  dy: Value,
): Value {
  const [scores, weights] = [input(0), optionalInput(2)];
  const labels = ops.cast(input(1), 'int64');
  const type = typeOf(0);
  const ignored = attributes.int('ignore_index');
  const isIgnored = ignored === undefined ? undefined : ops.equal(labels, ignored);
  // An ignored label may lie outside the classes.
  const safe = isIgnored === undefined ? labels : ops.where(isIgnored, 0, labels);
  const given =
    weights === undefined ? ops.fill(ops.shape(labels), 1, type) : ops.gather(weights, safe, 0);
  const weight = isIgnored === undefined ? given : ops.where(isIgnored, 0, given);
  const reduction = attributes.string('reduction', 'mean');
  const shared = reduction === 'mean' ? ops.div(dy, ops.reduceSum(weight, undefined, false)) : dy;
  const updates = ops.unsqueeze(ops.neg(ops.mul(weight, shared)), [1]);
  return ops.scatterElementsAdd(ops.zerosLike(scores), ops.unsqueeze(safe, [1]), updates, 1);
}
