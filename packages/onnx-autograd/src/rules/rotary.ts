import type { GradientRule } from '../differentiate/gradient-rule.js';

/**
 * Rotary embeddings turn pairs of numbers by an angle; the gradient is turned back, by the same operator with
 * the sines negated.
 *
 * @param sinIndex Input that holds the sines.
 */
export function turnBack(sinIndex: number): GradientRule {
  return ({ node, ops, input, optionalInput, gradOutput, needs, unsupported }) => {
    if (node.inputs.some((_, index) => index > 0 && needs(index))) {
      unsupported('does not reach the cosines and sines');
    }
    const others = node.inputs.slice(1).map((_, index) => {
      const position = index + 1;
      return position === sinIndex ? ops.neg(input(sinIndex)) : (optionalInput(position) ?? '');
    });
    const outputs = [ops.builder.freshName(node.operator)];
    const name = outputs[0] ?? '';
    ops.builder.addNode({ ...node, name, inputs: [gradOutput(0), ...others], outputs });
    return [name, ...node.inputs.slice(1).map(() => null)];
  };
}
