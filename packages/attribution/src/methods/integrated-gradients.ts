import type { AttributionMethod } from './method.js';
import { integratePath, mostEvaluations, pathDefaults, settlePath } from './path-integral.js';
import { requireSpace } from './requirements.js';

/**
 * (x − x′) ⊙ ∫₀¹ ∂F(x′ + α(x − x′))/∂x dα.
 *
 * F is the sum over all completion tokens, so one pass of `steps` points explains the whole call, whatever its
 * length; all points go into one batched call where memory allows.
 *
 * @see Sundararajan, Taly, Yan, "Axiomatic Attribution for Deep Networks", 2017, https://arxiv.org/abs/1703.01365
 */
export const integratedGradients: AttributionMethod = {
  name: 'integratedGradients',
  family: 'gradient',
  needs: ['gradients'],
  usesBaseline: true,
  completeness: 'limit',
  defaults: { ...pathDefaults, multiplyByInputs: true },
  settle: (given) => ({ ...settlePath(given), multiplyByInputs: given.multiplyByInputs ?? true }),
  cost: (_size, settings) => {
    const evaluations = mostEvaluations(settings);
    return { forwards: evaluations, backwards: evaluations };
  },
  attribute: async (context) => {
    const { multiplyByInputs = true } = context.settings;
    const { objective, input, baseline } = requireSpace(context);
    const start = await baseline();
    const { meanGradient, steps, sum } = await integratePath(
      objective,
      start,
      input,
      context.settings,
      async () => {
        const ends = await context.endpoints();
        return ends.input - ends.baseline;
      },
    );
    const scores = multiplyByInputs
      ? meanGradient.map((value, at) => value * (input[at]! - start[at]!))
      : meanGradient;
    return { level: 'dimensions', scores, steps, completeSum: sum };
  },
};
