import type { GradientRule, RuleContext } from '../differentiate/gradient-rule.js';
import type { Value } from '../graph/graph-builder.js';
import type { Operations } from '../graph/operations.js';
import { normalizeAxis } from '../inference/tensor-info.js';

/** Axes over which a norm takes its statistics: from `axis` to the last. */
function normalizedAxes(context: RuleContext): number[] {
  const axis = context.attributes.int('axis', -1);
  if (axis === -1) return [-1];
  const rank = context.rankOf(0);
  const first = normalizeAxis(axis, rank);
  return Array.from({ length: rank - first }, (_, index) => index + first);
}

/**
 * LayerNormalization, x̂ = (x − μ)·r:
 *
 *   dx = r·(u − mean(u) − x̂·mean(u ⊙ x̂)),  u = dy ⊙ scale;  dscale = Σ dy ⊙ x̂;  dbias = Σ dy
 *
 * The statistics are computed again: they are one number a row, and asking the fused operator for them
 * would change the forward graph.
 */
export const layerNormalization: GradientRule = (context) => {
  const { ops, input, gradOutput, optionalGradOutput, needs, attributes } = context;
  const axes = normalizedAxes(context);
  const x = input(0);
  const dy = gradOutput(0);
  const count = elementsPerRow(context, 1);
  const [fromMean, fromInverse] = [optionalGradOutput(1), optionalGradOutput(2)];
  const centered = ops.sub(x, ops.reduceMean(x, axes, true));
  const variance = ops.reduceMean(ops.square(centered), axes, true);
  const inverse = ops.reciprocal(ops.sqrt(ops.add(variance, attributes.float('epsilon', 1e-5))));
  const normalized = ops.mul(centered, inverse);
  const gradientX = (): Value => {
    const u = ops.mul(dy, input(1));
    const projection = ops.mul(normalized, ops.reduceMean(ops.mul(u, normalized), axes, true));
    const inner = ops.sub(ops.sub(u, ops.reduceMean(u, axes, true)), projection);
    const direct = ops.mul(inverse, inner);
    // dμ/dx = 1/n
    const withMean = fromMean === undefined ? direct : ops.add(direct, ops.div(fromMean, count()));
    if (fromInverse === undefined) return withMean;
    return ops.sub(withMean, inverseSlope(ops, fromInverse, normalized, inverse, count()));
  };
  return [
    needs(0) ? gradientX() : null,
    needs(1) ? ops.mul(dy, normalized) : null,
    needs(2) ? dy : null,
  ];
};

/**
 * RMSNormalization and SimplifiedLayerNormalization, x̂ = x·r with r = 1/√(mean(x²) + ε):
 *
 *   dx = r·(u − x̂·mean(u ⊙ x̂)),  u = dy ⊙ scale;  dscale = Σ dy ⊙ x̂
 */
export const rmsNormalization: GradientRule = (context) => {
  const { ops, input, gradOutput, optionalGradOutput, needs, attributes } = context;
  const axes = normalizedAxes(context);
  const x = input(0);
  const dy = gradOutput(0);
  const fromInverse = optionalGradOutput(1);
  const power = ops.reduceMean(ops.square(x), axes, true);
  const inverse = ops.reciprocal(ops.sqrt(ops.add(power, attributes.float('epsilon', 1e-5))));
  const normalized = ops.mul(x, inverse);
  const gradientX = (): Value => {
    const u = ops.mul(dy, input(1));
    const projection = ops.mul(normalized, ops.reduceMean(ops.mul(u, normalized), axes, true));
    const direct = ops.mul(inverse, ops.sub(u, projection));
    if (fromInverse === undefined) return direct;
    const count = elementsPerRow(context, 1);
    return ops.sub(direct, inverseSlope(ops, fromInverse, normalized, inverse, count()));
  };
  return [needs(0) ? gradientX() : null, needs(1) ? ops.mul(dy, normalized) : null];
};

/** Number of elements that a row's statistics are taken over, in the type of x. */
function elementsPerRow({ ops, input, output }: RuleContext, statistic: number): () => Value {
  return () => {
    const rows = ops.emit('Max', [ops.emit('Size', [output(statistic)]), ops.int64Scalar(1)]);
    return ops.cast(ops.div(ops.emit('Size', [input(0)]), rows), ops.typeOf(input(0)));
  };
}

/** Minus the part of dx that comes through r = 1/√(mean(c²) + ε): −dr/dx = r² x̂ / n. */
function inverseSlope(
  ops: Operations,
  gradient: Value,
  normalized: Value,
  inverse: Value,
  count: Value,
): Value {
  return ops.div(ops.mul(ops.mul(gradient, ops.square(inverse)), normalized), count);
}

/** LpNormalization with p = 2, y = x/‖x‖: dx = (dy − y Σ dy ⊙ y)/‖x‖; with p = 1 by the sign of x. */
export const lpNormalization: GradientRule = ({ ops, input, output, gradOutput, attributes }) => {
  const axis = attributes.int('axis', -1);
  const [x, y, dy] = [input(0), output(0), gradOutput(0)];
  const projection = ops.reduceSum(ops.mul(dy, y), [axis], true);
  if (attributes.int('p', 2) === 2) {
    const norm = ops.sqrt(ops.reduceSum(ops.square(x), [axis], true));
    return [ops.div(ops.sub(dy, ops.mul(y, projection)), norm)];
  }
  const norm = ops.reduceSum(ops.emit('Abs', [x]), [axis], true);
  return [ops.div(ops.sub(dy, ops.mul(ops.sign(x), projection)), norm)];
};
