import type { KlEstimator } from './types.js';

/** p − q: unbiased in value, high variance; its gradient is 1 whatever the reference says. verl: `kl`, `k1`. */
export const k1: KlEstimator = {
  name: 'k1',
  value: (p, q) => p - q,
  derivative: () => 1,
  source: 'k = p − q; Schulman, "Approximating KL Divergence", 2020',
};
