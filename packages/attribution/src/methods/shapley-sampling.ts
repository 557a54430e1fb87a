import type { AttributionMethod } from './method.js';
import { averageOrders, checkOrders } from './player-orders.js';
import { requireInteger } from './requirements.js';

/** 20 orders: 10 antithetic pairs, as SHAP's permutation explainer. */
const defaultSamples = 20;

/**
 * Shapley values from random orders of the players, each with its reverse: marginal contributions early in one are
 * late in the other, which cancels most of the noise. Adds up to v(all) − v(nobody) at any number of orders.
 *
 * `samples` counts orders and is rounded up to pairs; standard errors treat a pair as one observation. Given
 * `permutations` are used as they are.
 *
 * @see Mitchell et al., "Sampling Permutations for Shapley Value Estimation", 2022, https://arxiv.org/abs/2104.12199
 */
export const shapleySampling: AttributionMethod = {
  name: 'shapleySampling',
  family: 'perturbation',
  needs: ['coalitions'],
  usesBaseline: true,
  completeness: 'exact',
  defaults: { samples: defaultSamples },
  optional: ['permutations'],
  cost: ({ players }, { samples = defaultSamples, permutations }) => {
    const orders = permutations?.length ?? 2 * Math.ceil(samples / 2);
    return { forwards: Math.min(2 ** players, orders * (players - 1) + 2), backwards: 0 };
  },
  attribute: async ({ players, game, settings, random }) => {
    const { scores, standardErrors } = await averageOrders(
      players.length,
      drawOrders(),
      game.values.bind(game),
    );
    return { level: 'players', scores, ...(standardErrors === null ? {} : { standardErrors }) };

    function drawOrders(): number[][][] {
      const { permutations, samples = defaultSamples } = settings;
      if (permutations !== undefined) {
        checkOrders(permutations, players.length);
        return permutations.map((order) => [[...order]]);
      }
      const pairs = Math.ceil(requireInteger('samples', samples, 1) / 2);
      return Array.from({ length: pairs }, (_, pair) => {
        const order = random.split('shapleySampling', pair).permutation(players.length);
        return [order, order.toReversed()];
      });
    }
  },
};
