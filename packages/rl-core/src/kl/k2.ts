import type { KlEstimator } from './types.js';

/** ½(p − q)²: biased in value, but its expected gradient is that of KL. verl: `mse`, `k2`. */
export const k2: KlEstimator = {
  name: 'k2',
  value: (p, q) => 0.5 * (p - q) * (p - q),
  derivative: (p, q) => p - q,
  source: 'k = ½(p − q)²; Schulman, "Approximating KL Divergence", 2020',
};
