import { RlError } from '../errors.js';
import { rewardMetrics } from './reward-metrics.js';
import { tokenRewards } from './token-level.js';
import type { AdvantageEstimator } from './types.js';

/** ReMax: the reward of the greedy answer is the baseline. As in verl, tokens of tools keep the return itself. */
export const remax: AdvantageEstimator = {
  name: 'remax',
  source: 'A_t = Σ_{s≥t} r_s − r_greedy·m_t; ReMax (2310.10505), verl `remax`',
  needs: ['mask', 'greedyRewards'],
  usesTokenRewards: true,
  minimumGroupSize: 1,
  estimate(input) {
    const { scored, mask, rewards, isScored } = tokenRewards(input, 'remax');
    const { greedyRewards } = input;
    if (greedyRewards === undefined || greedyRewards.length !== rewards.length) {
      throw new RlError(
        'missing-input',
        `"greedyRewards" must hold the greedy answer's reward for each of the ${rewards.length} sequences: estimator "remax" needs it.`,
      );
    }
    const advantages = rewards.map((row, i) => {
      const values = new Float64Array(row.length);
      let running = 0;
      for (let t = row.length - 1; t >= 0 && isScored[i] === true; t -= 1) {
        running += row[t]! * mask[i]![t]!;
        values[t] = running - greedyRewards[i]! * mask[i]![t]!;
      }
      return values;
    });
    return { level: 'token', advantages, metrics: rewardMetrics(scored) };
  },
};
