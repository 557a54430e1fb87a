import type { RuleContext } from '../differentiate/gradient-rule.js';
import type { Value } from '../graph/graph-builder.js';

/**
 * Gradient before the activation that ONNX Runtime's optimizer fused into a product: dY times its slope,
 * which for each of these activations can be told from the output.
 */
export function slopeOfFused(
  context: RuleContext,
  parameters: { readonly alpha: number | undefined; readonly beta: number | undefined },
): Value {
  const { ops, attributes, gradOutput, output, unsupported } = context;
  const dy = gradOutput(0);
  const { alpha, beta } = parameters;
  const name = attributes.string('activation', '');
  switch (name) {
    case '':
      return dy;
    case 'Relu':
      return ops.where(ops.greater(output(0), 0), dy, 0);
    case 'LeakyRelu': {
      const slope = alpha ?? 0.01;
      if (slope <= 0) return unsupported(`needs a positive slope of LeakyRelu, got ${slope}`);
      return ops.where(ops.greater(output(0), 0), dy, ops.mul(dy, slope));
    }
    case 'Tanh':
      return ops.mul(dy, ops.sub(1, ops.square(output(0))));
    case 'Sigmoid':
      return ops.mul(dy, ops.mul(output(0), ops.sub(1, output(0))));
    case 'HardSigmoid': {
      const inside = ops.and(ops.greater(output(0), 0), ops.less(output(0), 1));
      return ops.where(inside, ops.mul(dy, alpha ?? 0.2), 0);
    }
    case 'Clip': {
      const [lowest, highest] = [alpha ?? -Infinity, beta ?? Infinity];
      const inside = ops.and(ops.greater(output(0), lowest), ops.less(output(0), highest));
      return ops.where(inside, dy, 0);
    }
    default:
      return unsupported(`does not know the fused activation "${name}"`);
  }
}
