import type { KlEstimator } from './types.js';

/** exp(q − p) − (q − p) − 1 without bounds: the one that TRL's GRPO adds to the loss, and the default here. */
export const trlK3: KlEstimator = {
  name: 'trl_k3',
  value: (p, q) => Math.exp(q - p) - (q - p) - 1,
  derivative: (p, q) => 1 - Math.exp(q - p),
  source: 'k = e^(q−p) − (q−p) − 1; Schulman 2020, TRL GRPOTrainer',
};
