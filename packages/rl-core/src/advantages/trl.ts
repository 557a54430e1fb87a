import { groupDeviations, rewardMetrics } from './reward-metrics.js';
import { type ScoredGroups, scoreGroups } from './rewards.js';
import { nanMean, pick } from './statistics.js';
import type { AdvantageEstimator } from './types.js';

// TRL's constant; verl and EasyR1 use 1e-6.
const EPSILON = 1e-4;

/**
 * TRL's `sum_then_normalize`: A_i = (r_i − mean of its group) / (σ_i + ε), 0 where the reward or σ is missing.
 *
 * @param deviationsOf σ of each row, or null for no scaling.
 */
export function centeredAdvantages(
  name: string,
  source: string,
  deviationsOf: ((scored: ScoredGroups) => Float64Array) | null,
): AdvantageEstimator {
  return {
    name,
    source,
    needs: [],
    usesTokenRewards: false,
    minimumGroupSize: 2,
    estimate(input, { epsilon = EPSILON } = {}) {
      const scored = scoreGroups(input);
      const deviations = (deviationsOf ?? groupDeviations)(scored);
      const advantages = new Float64Array(scored.combined.length);
      for (const rows of scored.groups) {
        const mean = nanMean(pick(scored.combined, rows));
        for (const i of rows) {
          const centered = scored.combined[i]! - mean;
          const scaled = deviationsOf === null ? centered : centered / (deviations[i]! + epsilon);
          advantages[i] = Number.isNaN(scaled) ? 0 : scaled;
        }
      }
      return { level: 'sequence', advantages, metrics: rewardMetrics(scored, deviations) };
    },
  };
}
