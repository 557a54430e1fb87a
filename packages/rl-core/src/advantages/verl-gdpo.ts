import { grpo } from './grpo.js';
import { rewardMetrics } from './reward-metrics.js';
import { scoreGroups } from './rewards.js';
import { requiredMask, whiten } from './token-level.js';
import type { AdvantageEstimator } from './types.js';

/** GDPO as in verl: `grpo` on each reward, the weighted sum whitened over the tokens of the batch. */
export const verlGdpo: AdvantageEstimator = {
  name: 'verl_gdpo',
  source: 'A = whiten(Σ_k w_k·grpo(r_k)); GDPO (2601.05242), verl `gdpo`',
  needs: ['mask'],
  usesTokenRewards: false,
  minimumGroupSize: 1,
  estimate(input, options = {}) {
    const scored = scoreGroups(input);
    const mask = requiredMask(input, 'verl_gdpo');
    const sums = new Float64Array(scored.combined.length);
    const groups = new Array<number>(sums.length);
    scored.groups.forEach((rows, g) => {
      for (const i of rows) groups[i] = g;
    });
    scored.weights.forEach((weight, k) => {
      const rewards = scored.perFunction.map((row) => (Number.isNaN(row[k]!) ? null : row[k]!));
      const { advantages } = grpo.estimate({ rewards, groups }, options);
      for (let i = 0; i < sums.length; i += 1) {
        // `grpo` is an estimator of the sequence level, so these are numbers.
        sums[i] = sums[i]! + weight * (advantages[i] as number);
      }
    });
    const isScored = Array.from(scored.combined, (r) => !Number.isNaN(r));
    const values = mask.map((row, i) => new Float64Array(row.length).fill(sums[i]!));
    return {
      level: 'token',
      advantages: whiten(values, mask, isScored),
      metrics: rewardMetrics(scored),
    };
  },
};
