import { rewardMetrics } from './reward-metrics.js';
import { scoreGroups } from './rewards.js';
import { nanMean, pick } from './statistics.js';
import { requiredMask, whiten } from './token-level.js';
import type { AdvantageEstimator } from './types.js';

/** REINFORCE++ with a group baseline: r − μ_g on every token, whitened over the whole batch. */
export const reinforcePlusPlusBaseline: AdvantageEstimator = {
  name: 'reinforce_plus_plus_baseline',
  source: 'A_t = whiten(r − μ_g); REINFORCE++ (2501.03262), verl `reinforce_plus_plus_baseline`',
  needs: ['mask'],
  usesTokenRewards: false,
  minimumGroupSize: 1,
  estimate(input) {
    const scored = scoreGroups(input);
    const mask = requiredMask(input, 'reinforce_plus_plus_baseline');
    const centered = new Float64Array(scored.combined.length);
    for (const rows of scored.groups) {
      // verl: a group of one keeps its reward.
      const mean = rows.length === 1 ? 0 : nanMean(pick(scored.combined, rows));
      for (const i of rows) centered[i] = scored.combined[i]! - mean;
    }
    const isScored = Array.from(centered, (value) => !Number.isNaN(value));
    const values = mask.map((row, i) => new Float64Array(row.length).fill(centered[i]!));
    return {
      level: 'token',
      advantages: whiten(values, mask, isScored),
      metrics: rewardMetrics(scored),
    };
  },
};
