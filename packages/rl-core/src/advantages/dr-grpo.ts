import { nanMean } from './statistics.js';
import type { AdvantageEstimator } from './types.js';
import { groupwiseAdvantages } from './verl.js';

/** Dr. GRPO: no division by the deviation, which favors questions that are almost always or almost never solved. */
export const drGrpo: AdvantageEstimator = groupwiseAdvantages(
  'dr_grpo',
  'A = r − μ_g; Dr. GRPO (2503.20783), verl `norm_adv_by_std_in_grpo=False`',
  ({ rewards }) => {
    const mean = rewards.length === 1 ? 0 : nanMean(rewards);
    return rewards.map((r) => r - mean);
  },
);
