import { groupDeviations } from './reward-metrics.js';
import { centeredAdvantages } from './trl.js';
import type { AdvantageEstimator } from './types.js';

/** GRPO as in TRL, `scale_rewards="group"`: the default. ε = 1e-4. */
export const group: AdvantageEstimator = centeredAdvantages(
  'group',
  'A = (r − μ_g) / (σ_g + 1e-4); DeepSeekMath (2402.03300), TRL `scale_rewards="group"`',
  groupDeviations,
);
