import { gradientAtInput } from './gradient-at-input.js';
import type { AttributionMethod } from './method.js';

/**
 * |∂F/∂x| per dimension; `absolute: false` keeps the sign. One forward and one backward.
 *
 * @see Simonyan, Vedaldi, Zisserman, "Deep Inside Convolutional Networks", 2013, https://arxiv.org/abs/1312.6034
 */
export const saliency: AttributionMethod = {
  name: 'saliency',
  family: 'gradient',
  needs: ['gradients'],
  usesBaseline: false,
  completeness: 'none',
  // Absolute as in the paper and in Captum.
  defaults: { absolute: true },
  cost: () => ({ forwards: 1, backwards: 1 }),
  attribute: async (context) => {
    const { absolute = true } = context.settings;
    const gradient = await gradientAtInput(context);
    return { level: 'dimensions', scores: absolute ? gradient.map(Math.abs) : gradient };
  },
};
