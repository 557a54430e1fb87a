import type { KlEstimator } from './types.js';

/** |p − q|. verl: `abs`. */
export const abs: KlEstimator = {
  name: 'abs',
  value: (p, q) => Math.abs(p - q),
  derivative: (p, q) => Math.sign(p - q),
  source: 'k = |p − q|; verl `kl_penalty`',
};
