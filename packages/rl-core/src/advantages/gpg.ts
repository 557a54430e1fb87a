import { nanMean } from './statistics.js';
import type { AdvantageEstimator } from './types.js';
import { groupwiseAdvantages } from './verl.js';

/** GPG: centered by group, scaled up by the share of answers with a reward, so that sparse rewards keep the step size. */
export const gpg: AdvantageEstimator = groupwiseAdvantages(
  'gpg',
  'A = N/#nonzero·(r − μ_g); GPG (2504.02546), verl `gpg`',
  ({ rewards, batch }) => {
    const scale = batch.rows / Math.max(batch.nonZero, 1);
    const mean = rewards.length === 1 ? 0 : nanMean(rewards);
    return rewards.map((r) => scale * (r - mean));
  },
);
