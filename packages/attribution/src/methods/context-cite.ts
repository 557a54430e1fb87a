import { AttributionError } from '../errors.js';
import { lasso } from '../statistics/lasso.js';
import type { AttributionMethod } from './method.js';
import { drawMasks } from './random-masks.js';
import { requireRange } from './requirements.js';

/** The paper's: 64 random ablations, lasso with penalty 0.01. */
const defaults = { samples: 64, presence: 0.5, penalty: 0.01 } as const;

/**
 * Sparse linear model of the logit-probability ln(p / (1 − p)) of the whole call, fitted over random coalitions:
 * presence standardized, values divided by the number of completion tokens T, coefficients scaled back. The paper
 * removes absent players: pass `maskMode: 'remove'` for that.
 *
 * Reads log-probabilities whatever the target's link. A call of probability 1 has no logit and is refused.
 *
 * @see Cohen-Wang et al., "ContextCite", 2024, https://arxiv.org/abs/2409.00729
 */
export const contextCite: AttributionMethod = {
  name: 'contextCite',
  family: 'perturbation',
  needs: ['coalitions'],
  usesBaseline: true,
  completeness: 'none',
  defaults,
  optional: ['masks'],
  cost: ({ players }, { samples = defaults.samples, masks }) => ({
    forwards: Math.min(2 ** players, masks?.length ?? samples),
    backwards: 0,
  }),
  attribute: async (context) => {
    const { settings, game, players } = context;
    const penalty = requireRange('penalty', settings.penalty ?? defaults.penalty, 0, 1e9);
    if (game.target.quantity !== 'logprob' || game.target.terms.length !== 1) {
      throw new AttributionError(
        'unsupported',
        `contextCite explains the logit-probability of one call; it cannot serve the target "${game.target.name}".`,
      );
    }
    const coalitions = drawMasks(context, 'contextCite', defaults);
    const sums = await game.sums(coalitions);
    const tokens = game.target.tokenCount;
    const values = sums.map((sum, index) => {
      // ln p − ln(1 − p) from s = ln p; log1p(−exp(s)) would lose 1 − p when p is near 1.
      const value = sum - Math.log(-Math.expm1(sum));
      if (Number.isFinite(value)) return value / tokens;
      throw new AttributionError(
        'non-finite',
        `The logit-probability of the call is ${value} in coalition ${index} (ln p = ${sum}).`,
      );
    });
    const columns = players.map((_, player) => standardize(coalitions.map((row) => row[player]!)));
    const rows = coalitions.map((_, row) => columns.map(({ values }) => values[row]!));
    const fit = lasso(
      rows,
      values,
      rows.map(() => 1),
      penalty,
    );
    const scores = fit.coefficients.map(
      (value, player) => (value / columns[player]!.deviation) * tokens,
    );
    const atMeans = scores.reduce((sum, score, player) => sum + score * columns[player]!.mean, 0);
    const intercept = fit.intercept * tokens - atMeans;
    return { level: 'players', scores: Float64Array.from(scores), intercept };
  },
};

/** (x − mean) / population deviation; a constant column keeps deviation 1, as scikit-learn does. */
function standardize(values: readonly number[]): {
  values: number[];
  mean: number;
  deviation: number;
} {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const deviation = variance === 0 ? 1 : Math.sqrt(variance);
  return { values: values.map((value) => (value - mean) / deviation), mean, deviation };
}
