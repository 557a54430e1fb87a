import { nanDeviation } from './statistics.js';
import { centeredAdvantages } from './trl.js';
import type { AdvantageEstimator } from './types.js';

/** Centered by group, scaled by the whole batch: groups with a small spread are not blown up. TRL `scale_rewards="batch"`. */
export const batch: AdvantageEstimator = centeredAdvantages(
  'batch',
  'A = (r − μ_g) / (σ_batch + 1e-4); Liu et al. (2508.08221), TRL `scale_rewards="batch"`',
  ({ combined }) =>
    new Float64Array(combined.length).fill(combined.length > 1 ? nanDeviation(combined) : 0),
);
