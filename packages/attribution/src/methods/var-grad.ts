import type { AttributionMethod } from './method.js';
import { drawNoise, visitNoisyGradients } from './noise.js';
import { noiseDefaults, noisyCost } from './smooth-grad.js';

/**
 * Variance of the gradient over noisy inputs (population variance, as Captum). Says where F is curved, not where it
 * rises.
 *
 * @see Adebayo et al., "Local Explanation Methods for Deep Neural Networks", 2018, https://arxiv.org/abs/1810.03307
 */
export const varGrad: AttributionMethod = {
  name: 'varGrad',
  family: 'gradient',
  needs: ['gradients'],
  usesBaseline: false,
  completeness: 'none',
  defaults: { ...noiseDefaults },
  optional: ['noise'],
  cost: (_size, settings) => noisyCost(settings),
  attribute: async (context) => {
    const noise = drawNoise(context, 'varGrad', noiseDefaults);
    const size = context.space?.input.length ?? 0;
    const mean = new Float64Array(size);
    const scores = new Float64Array(size);
    let seen = 0;
    // Welford's update: mean g² − (mean g)² would cancel where the gradient is large and steady.
    await visitNoisyGradients(context, noise, (gradient) => {
      seen++;
      for (let at = 0; at < size; at++) {
        const difference = gradient[at]! - mean[at]!;
        mean[at]! += difference / seen;
        scores[at]! += difference * (gradient[at]! - mean[at]!);
      }
    });
    return { level: 'dimensions', scores: scores.map((sum) => sum / noise.length) };
  },
};
