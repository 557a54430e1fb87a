import type { AttributionMethod } from './method.js';
import { averageMarginals } from './shapley.js';

/**
 * Mean marginal contribution over all coalitions of the others, each counted once: 2^(1−M) Σ_S [v(S ∪ i) − v(S)].
 * Less sensitive to noise in v than Shapley values, but does not add up to v(all) − v(nobody).
 *
 * @see Wang, Jia, "Data Banzhaf", 2023, https://arxiv.org/abs/2205.15466
 */
export const banzhaf: AttributionMethod = {
  name: 'banzhaf',
  family: 'perturbation',
  needs: ['coalitions'],
  usesBaseline: true,
  completeness: 'none',
  defaults: {},
  cost: ({ players }) => ({ forwards: 2 ** players, backwards: 0 }),
  attribute: async ({ players, game }) => {
    const share = 2 ** (1 - players.length);
    return {
      level: 'players',
      scores: await averageMarginals(
        players.length,
        game.values.bind(game),
        'banzhaf',
        () => share,
      ),
    };
  },
};
