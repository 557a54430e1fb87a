import { centeredAdvantages } from './trl.js';
import type { AdvantageEstimator } from './types.js';

/** Centered by group, not scaled. TRL `scale_rewards="none"`. */
export const none: AdvantageEstimator = centeredAdvantages(
  'none',
  'A = r − μ_g; Dr. GRPO (2503.20783), TRL `scale_rewards="none"`',
  null,
);
