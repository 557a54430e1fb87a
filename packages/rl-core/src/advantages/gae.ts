import { RlError } from '../errors.js';
import { assertSameShape, rowAt } from '../rows.js';
import { rewardMetrics } from './reward-metrics.js';
import { tokenRewards, whiten } from './token-level.js';
import type { AdvantageEstimator } from './types.js';

/**
 * Generalized advantage estimation over a critic's values; positions outside the mask are skipped, so that the
 * value after a tool's answer follows directly on the one before it.
 *
 *   δ_t = r_t + γ·V_{t+1} − V_t,   A_t = δ_t + γλ·A_{t+1},   then whitened over the batch
 */
export const gae: AdvantageEstimator = {
  name: 'gae',
  source: 'A_t = δ_t + γλ·A_{t+1}, whitened; Schulman et al. (1506.02438), verl `gae`',
  needs: ['mask', 'values'],
  usesTokenRewards: true,
  minimumGroupSize: 1,
  estimate(input, { gamma = 1, lambda = 1 } = {}) {
    const { scored, mask, rewards, isScored } = tokenRewards(input, 'gae');
    const { values } = input;
    if (values === undefined) {
      throw new RlError('missing-input', '"values" is missing: estimator "gae" needs a critic.');
    }
    assertSameShape('values', values, mask);
    const advantages = rewards.map((row, i) => {
      const value = rowAt(values, i);
      const result = new Float64Array(row.length);
      let nextValue = 0;
      let next = 0;
      for (let t = row.length - 1; t >= 0; t -= 1) {
        if (mask[i]![t] !== 0) {
          next = row[t]! + gamma * nextValue - value[t]! + gamma * lambda * next;
          nextValue = value[t]!;
        }
        result[t] = next;
      }
      return result;
    });
    return {
      level: 'token',
      advantages: whiten(advantages, mask, isScored),
      metrics: rewardMetrics(scored),
    };
  },
};
