import { nanDeviation, nanMean } from './statistics.js';
import type { AdvantageEstimator } from './types.js';
import { groupwiseAdvantages } from './verl.js';

// verl's and EasyR1's constant.
const EPSILON = 1e-6;

/** GRPO as in verl: as `group`, with ε = 1e-6, and a group of one keeps its reward. */
export const grpo: AdvantageEstimator = groupwiseAdvantages(
  'grpo',
  'A = (r − μ_g) / (σ_g + 1e-6); verl `grpo`, EasyR1',
  ({ rewards, options: { epsilon = EPSILON } }) => {
    if (rewards.length === 1) return rewards.map((r) => r / (1 + epsilon));
    const mean = nanMean(rewards);
    const deviation = nanDeviation(rewards);
    return rewards.map((r) => (r - mean) / (deviation + epsilon));
  },
);
