import { nanMean } from './statistics.js';
import type { AdvantageEstimator } from './types.js';
import { groupwiseAdvantages } from './verl.js';

/** RLOO: the baseline is the mean of the others in the group, which leaves the gradient unbiased. */
export const rloo: AdvantageEstimator = groupwiseAdvantages(
  'rloo',
  'A = G/(G − 1)·(r − μ_g); Ahmadian et al. (2402.14740), verl `rloo`',
  ({ rewards }) => {
    const count = rewards.length;
    if (count === 1) return rewards;
    const mean = nanMean(rewards);
    return rewards.map((r) => (count / (count - 1)) * (r - mean));
  },
);
