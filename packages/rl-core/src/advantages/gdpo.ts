import { rewardMetrics } from './reward-metrics.js';
import { scoreGroups } from './rewards.js';
import { nanDeviation, nanMean, pick } from './statistics.js';
import type { AdvantageEstimator } from './types.js';

// TRL's constant.
const EPSILON = 1e-4;

/**
 * GDPO as in TRL, `normalize_then_sum`: every reward is normalized in its group first, so that a reward of small
 * spread is not drowned by one of large spread.
 *
 *   z_ik = (r_ik − μ_gk)/(σ_gk + ε),   s_i = Σ_k w_k z_ik,   A_i = (s_i − mean s)/(std s + ε)
 */
export const gdpo: AdvantageEstimator = {
  name: 'gdpo',
  source:
    'per-reward group normalization, then over the batch; GDPO (2601.05242), TRL `normalize_then_sum`',
  needs: [],
  usesTokenRewards: false,
  minimumGroupSize: 2,
  estimate(input, { epsilon = EPSILON } = {}) {
    const scored = scoreGroups(input);
    const count = scored.combined.length;
    const sums = new Float64Array(count);
    scored.weights.forEach((weight, k) => {
      const values = Float64Array.from(scored.perFunction, (row) => row[k]!);
      for (const rows of scored.groups) {
        const inGroup = pick(values, rows);
        const mean = nanMean(inGroup);
        const deviation = rows.length > 1 ? nanDeviation(inGroup) : 0;
        for (const i of rows) {
          const z = (values[i]! - mean) / (deviation + epsilon);
          if (!Number.isNaN(z)) sums[i] = sums[i]! + weight * z;
        }
      }
    });
    const scorable = sums.map((sum, i) => (Number.isNaN(scored.combined[i]!) ? Number.NaN : sum));
    const mean = nanMean(scorable);
    const deviation = count > 1 ? nanDeviation(scorable) : 0;
    const advantages = scorable.map((sum) => {
      const scaled = (sum - mean) / (deviation + epsilon);
      return Number.isNaN(scaled) ? 0 : scaled;
    });
    const deviations = new Float64Array(count).fill(deviation);
    return { level: 'sequence', advantages, metrics: rewardMetrics(scored, deviations) };
  },
};
