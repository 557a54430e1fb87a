import type { Value } from '../graph/graph-builder.js';
import type { Rewrite, RewriteContext } from './rewrite.js';

/** input + skip + bias, the residual stream that output 3 hands on. */
function residualSum({ ops, input, optionalInput }: RewriteContext, biasIndex: number): Value {
  const bias = optionalInput(biasIndex);
  const sum = ops.add(input(0), input(1));
  return bias === undefined ? sum : ops.add(sum, bias);
}

function refuseStatistics({ hasOutput, unsupported }: RewriteContext): void {
  if (hasOutput(1) || hasOutput(2))
    unsupported('does not reach the outputs mean and inverse deviation');
}

/** SkipSimplifiedLayerNormalization(input, skip, gamma, bias): an addition and an RMS norm. */
export const skipSimplifiedLayerNormalization: Rewrite = (context) => {
  const { ops, input, attributes } = context;
  refuseStatistics(context);
  const sum = residualSum(context, 3);
  const y = ops.emit('SimplifiedLayerNormalization', [sum, input(2)], {
    attributes: { axis: -1, epsilon: { float: attributes.float('epsilon', 1e-12) }, stash_type: 1 },
  });
  return [y, null, null, sum];
};

/** SkipLayerNormalization(input, skip, gamma, beta, bias): an addition and a layer norm. */
export const skipLayerNormalization: Rewrite = (context) => {
  const { ops, input, optionalInput, attributes } = context;
  refuseStatistics(context);
  const sum = residualSum(context, 4);
  const beta = optionalInput(3);
  const y = ops.emit(
    'LayerNormalization',
    beta === undefined ? [sum, input(2)] : [sum, input(2), beta],
    {
      attributes: { axis: -1, epsilon: { float: attributes.float('epsilon', 1e-12) } },
    },
  );
  return [y, null, null, sum];
};
