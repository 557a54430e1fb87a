import { AttributionError } from '../errors.js';
import type { AttributionMethod, MethodContext } from './method.js';
import { drawNoise } from './noise.js';
import { requireInteger, requireSpace } from './requirements.js';

/** 25 random points; noise off, because the path to the baseline is already averaged over. */
const defaults = { samples: 25, noiseScale: 0 } as const;

/**
 * Expected gradients: mean over draws of (x + ε − x′) ⊙ ∂F at x′ + α (x + ε − x′), α uniform on [0, 1]. Integrated
 * gradients by Monte Carlo; complete in expectation, so its error falls with 1/√samples only.
 *
 * @see Lundberg, Lee, 2017, https://arxiv.org/abs/1705.07874; Erion et al., 2021, https://arxiv.org/abs/1906.10670
 */
export const gradientShap: AttributionMethod = {
  name: 'gradientShap',
  family: 'gradient',
  needs: ['gradients'],
  usesBaseline: true,
  completeness: 'none',
  defaults,
  optional: ['noise', 'alphas'],
  cost: (_size, { samples = defaults.samples, alphas }) => {
    const count = alphas?.length ?? samples;
    return { forwards: count, backwards: count };
  },
  attribute: async (context) => {
    const { objective, input, baseline } = requireSpace(context);
    const start = await baseline();
    const alphas = drawAlphas(context);
    // As many noise tensors as points, also when the points were given.
    const settings = { ...context.settings, samples: alphas.length };
    const noise = drawNoise({ ...context, settings }, 'gradientShap', defaults);
    if (noise.length !== alphas.length) {
      throw new AttributionError(
        'bad-option',
        `\`noise\` and \`alphas\` must be equally many, got ${noise.length} and ${alphas.length}.`,
      );
    }
    const reach = (index: number, at: number): number =>
      input[at]! + (noise[index]?.[at] ?? 0) - start[at]!;
    const scores = new Float64Array(input.length);
    await objective.differentiate(
      alphas.length,
      (index, point) => {
        for (let at = 0; at < point.length; at++)
          point[at] = start[at]! + alphas[index]! * reach(index, at);
      },
      (index, _value, gradient) => {
        for (let at = 0; at < scores.length; at++) {
          scores[at]! += (reach(index, at) * gradient[at]!) / alphas.length;
        }
      },
    );
    return { level: 'dimensions', scores };
  },
};

function drawAlphas({ settings, random }: MethodContext): number[] {
  const { alphas, samples = defaults.samples } = settings;
  if (alphas !== undefined) {
    const wrong = alphas.find((alpha) => !(alpha >= 0 && alpha <= 1));
    if (wrong !== undefined || alphas.length === 0) {
      throw new AttributionError(
        'bad-option',
        `\`alphas\` must be numbers in [0, 1], got ${wrong ?? 'none'}.`,
      );
    }
    return [...alphas];
  }
  const stream = random.split('gradientShap', 'alphas');
  return Array.from({ length: requireInteger('samples', samples, 1) }, () => stream.uniform());
}
