import type { AdvantageEstimator } from './types.js';
import { groupwiseAdvantages } from './verl.js';

/** OPO: the baseline weighs each answer by its length, which minimizes the variance of on-policy gradients. */
export const opo: AdvantageEstimator = groupwiseAdvantages(
  'opo',
  'A = r − Σ len·r / Σ len; OPO (2505.23585), verl `opo`',
  ({ rewards, lengths }) => {
    const total = lengths.reduce((sum, length) => sum + length, 0);
    if (rewards.length === 1 || total === 0) return rewards;
    const baseline = rewards.reduce((sum, r, i) => sum + lengths[i]! * r, 0) / total;
    return rewards.map((r) => r - baseline);
  },
  ['mask'],
);
