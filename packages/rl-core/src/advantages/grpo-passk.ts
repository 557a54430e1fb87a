import { RlError } from '../errors.js';
import { nanDeviation } from './statistics.js';
import type { AdvantageEstimator } from './types.js';
import { groupwiseAdvantages } from './verl.js';

// verl's constant.
const EPSILON = 1e-6;

/** Pass@k: only the best answer of a group learns, by how much it beats the second best. The first of equals wins. */
export const grpoPassk: AdvantageEstimator = groupwiseAdvantages(
  'grpo_passk',
  'A_best = (r_max − r_2nd) / (σ_g + 1e-6), else 0; Tang et al. (2503.19595), verl `grpo_passk`',
  ({ rewards, options: { epsilon = EPSILON, normalizeByDeviation = true } }) => {
    if (rewards.length < 2) {
      throw new RlError('invalid-argument', 'Pass@k needs groups of at least 2, got one of 1.');
    }
    const [highest, second] = [...rewards].sort((a, b) => b - a);
    const scale = normalizeByDeviation ? nanDeviation(rewards) + epsilon : 1;
    const best = rewards.indexOf(highest!);
    return rewards.map((_, i) => (i === best ? (highest! - second!) / scale : 0));
  },
);
