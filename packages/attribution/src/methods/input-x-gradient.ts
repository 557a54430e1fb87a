import { gradientAtInput } from './gradient-at-input.js';
import type { AttributionMethod } from './method.js';
import { requireSpace } from './requirements.js';

/**
 * x ⊙ ∂F/∂x: the first-order part of F, with a zero baseline implied. Complete for linear F only.
 *
 * @see Shrikumar et al., "Not Just a Black Box", 2016, https://arxiv.org/abs/1605.01713
 */
export const inputXGradient: AttributionMethod = {
  name: 'inputXGradient',
  family: 'gradient',
  needs: ['gradients'],
  usesBaseline: false,
  completeness: 'none',
  defaults: {},
  cost: () => ({ forwards: 1, backwards: 1 }),
  attribute: async (context) => {
    const { input } = requireSpace(context);
    const gradient = await gradientAtInput(context);
    return { level: 'dimensions', scores: gradient.map((value, index) => value * input[index]!) };
  },
};
