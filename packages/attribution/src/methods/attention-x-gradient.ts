import { AttributionError } from '../errors.js';
import type { AttentionOutput } from '../model.js';
import { identity } from './attention-rollout.js';
import { meanOverHeads, multiply, readTargetRows } from './attention-rows.js';
import type { AttributionMethod } from './method.js';

/**
 * Attention times gradient: R ← R + mean over heads of relu(A ⊙ ∂F/∂A) · R. Attention that F would rather not have
 * counts as 0.
 *
 * @see Chefer, Gur, Wolf, "Generic Attention-model Explainability", 2021, https://arxiv.org/abs/2103.15679 (Eq. 5–6)
 */
export const attentionXGradient: AttributionMethod = {
  name: 'attentionXGradient',
  family: 'attention',
  needs: ['attention', 'attentionGradients'],
  usesBaseline: false,
  completeness: 'none',
  defaults: {},
  cost: () => ({ forwards: 1, backwards: 1 }),
  attribute: async (context) => {
    const output = await context.attention({ gradients: true });
    const matrix = attentionRelevance(output);
    return readTargetRows(matrix, output.positions, context.tokens, context.tokenWeights);
  },
};

/** `[S, S]` relevance of positions for positions. */
export function attentionRelevance(output: AttentionOutput): Float64Array {
  const { positions, layers, gradients } = output;
  if (gradients === undefined) {
    throw new AttributionError(
      'model-output',
      '`attention` was asked for gradients and gave none.',
    );
  }
  let relevance = identity(positions);
  for (const [index, layer] of layers.entries()) {
    const gradient = gradients[index];
    const step = meanOverHeads(output, (at) =>
      Math.max(0, layer[at]! * (gradient?.[at] ?? Number.NaN)),
    );
    const added = multiply(step, relevance, positions);
    relevance = relevance.map((value, at) => value + added[at]!);
  }
  return relevance;
}
