import type { AttributionMethod } from './method.js';
import { interpolate } from './path-integral.js';
import { requireInteger, requireSpace } from './requirements.js';

/**
 * Important-direction gradient integration: Σ_j g_j² · (f_{j+1} − f_j) / ‖g_j‖² along the straight path, with the
 * gradient g_j at the left end of each of `steps` pieces. Complete at any number of steps; a piece whose gradient
 * is 0 has no direction and is left out (the completeness delta then shows it).
 *
 * @see Yang, Wang, Bilgic, "IDGI", CVPR 2023, https://arxiv.org/abs/2303.14242
 */
export const idgi: AttributionMethod = {
  name: 'idgi',
  family: 'gradient',
  needs: ['gradients'],
  usesBaseline: true,
  completeness: 'exact',
  defaults: { steps: 16 },
  cost: (_size, { steps = 16 }) => ({ forwards: steps + 1, backwards: steps + 1 }),
  attribute: async (context) => {
    const steps = requireInteger('steps', context.settings.steps ?? 16, 1);
    const { objective, input, baseline } = requireSpace(context);
    const start = await baseline();
    const scores = new Float64Array(input.length);
    let previousGradient: Float64Array | null = null;
    let previousValue = 0;
    await objective.differentiate(
      steps + 1,
      (index, point) => interpolate(start, input, index / steps, point),
      (_index, value, gradient) => {
        if (previousGradient !== null) addPiece(scores, previousGradient, value - previousValue);
        previousGradient = Float64Array.from(gradient);
        previousValue = value;
      },
    );
    return { level: 'dimensions', scores, steps };
  },
};

function addPiece(scores: Float64Array, gradient: Float64Array, change: number): void {
  let largest = 0;
  for (const value of gradient) largest = Math.max(largest, Math.abs(value));
  if (largest === 0) return;
  // Divided by the largest entry: the square of a gradient of 1e-170 would be 0.
  let square = 0;
  for (const value of gradient) square += (value / largest) ** 2;
  for (let at = 0; at < scores.length; at++) {
    scores[at]! += ((gradient[at]! / largest) ** 2 * change) / square;
  }
}
