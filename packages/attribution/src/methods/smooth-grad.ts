import type { AttributionMethod, MethodContext, MethodScores } from './method.js';
import { drawNoise, visitNoisyGradients } from './noise.js';

/** 25 samples as in the paper; the scale is absolute, 0.1 of an embedding unit. */
export const noiseDefaults = { samples: 25, noiseScale: 0.1 } as const;

/**
 * Mean of ∂F/∂x over noisy inputs; `absolute: true` averages |∂F/∂x|.
 *
 * @see Smilkov et al., "SmoothGrad", 2017, https://arxiv.org/abs/1706.03825
 */
export const smoothGrad: AttributionMethod = noisyMethod('smoothGrad', (gradient) => gradient);

/**
 * Mean of the squared gradient.
 *
 * @see Hooker et al., "A Benchmark for Interpretability Methods", 2019, https://arxiv.org/abs/1806.10758
 */
export const smoothGradSquared: AttributionMethod = noisyMethod(
  'smoothGradSquared',
  (gradient) => gradient ** 2,
);

function noisyMethod(name: string, transform: (gradient: number) => number): AttributionMethod {
  return {
    name,
    family: 'gradient',
    needs: ['gradients'],
    usesBaseline: false,
    completeness: 'none',
    defaults: { ...noiseDefaults, absolute: false },
    optional: ['noise'],
    cost: (_size, settings) => noisyCost(settings),
    attribute: (context) => averageNoisy(context, name, transform),
  };
}

/** One forward and one backward a noise tensor. */
export function noisyCost(settings: MethodContext['settings']): {
  forwards: number;
  backwards: number;
} {
  const count = settings.noise?.length ?? settings.samples ?? noiseDefaults.samples;
  return { forwards: count, backwards: count };
}

async function averageNoisy(
  context: MethodContext,
  name: string,
  transform: (gradient: number) => number,
): Promise<MethodScores> {
  const { absolute = false } = context.settings;
  const noise = drawNoise(context, name, noiseDefaults);
  const scores = new Float64Array(context.space?.input.length ?? 0);
  await visitNoisyGradients(context, noise, (gradient) => {
    for (let at = 0; at < scores.length; at++) {
      const value = absolute ? Math.abs(gradient[at]!) : gradient[at]!;
      scores[at]! += transform(value) / noise.length;
    }
  });
  return { level: 'dimensions', scores };
}
