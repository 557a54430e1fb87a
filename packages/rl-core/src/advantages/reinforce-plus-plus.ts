import { rewardMetrics } from './reward-metrics.js';
import { tokenRewards, whiten } from './token-level.js';
import type { AdvantageEstimator } from './types.js';

/** Discounted returns, carried unchanged over positions outside the mask. */
function discountedReturns(
  rewards: Float64Array,
  mask: ArrayLike<number>,
  gamma: number,
): Float64Array {
  const returns = new Float64Array(rewards.length);
  let running = 0;
  for (let t = rewards.length - 1; t >= 0; t -= 1) {
    if (mask[t] !== 0) running = rewards[t]! + gamma * running;
    returns[t] = running;
  }
  return returns;
}

/** REINFORCE++: discounted returns per token, whitened over the whole batch; no groups, no critic. */
export const reinforcePlusPlus: AdvantageEstimator = {
  name: 'reinforce_plus_plus',
  source: 'A_t = whiten(Σ_{s≥t} γ^{s−t} r_s); REINFORCE++ (2501.03262), verl `reinforce_plus_plus`',
  needs: ['mask'],
  usesTokenRewards: true,
  minimumGroupSize: 1,
  estimate(input, { gamma = 1 } = {}) {
    const { scored, mask, rewards, isScored } = tokenRewards(input, 'reinforce_plus_plus');
    const returns = rewards.map((row, i) => discountedReturns(row, mask[i]!, gamma));
    return {
      level: 'token',
      advantages: whiten(returns, mask, isScored),
      metrics: rewardMetrics(scored),
    };
  },
};
