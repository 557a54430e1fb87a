import type { KlEstimator } from './types.js';

// Bounds of verl's `low_var_kl`: beyond them exp would dominate the whole batch.
const LOG_RATIO_LIMIT = 20;
const VALUE_LIMIT = 10;

function clampedLogRatio(p: number, q: number): number {
  return Math.min(Math.max(q - p, -LOG_RATIO_LIMIT), LOG_RATIO_LIMIT);
}

/** exp(q − p) − (q − p) − 1, with verl's bounds: q − p in ±20, the value at most 10. verl: `low_var_kl`, `k3`. */
export const k3: KlEstimator = {
  name: 'k3',
  value: (p, q) => {
    const d = clampedLogRatio(p, q);
    return Math.min(Math.exp(d) - d - 1, VALUE_LIMIT);
  },
  derivative: (p, q) => {
    const d = clampedLogRatio(p, q);
    const inside = q - p === d && Math.exp(d) - d - 1 <= VALUE_LIMIT;
    return inside ? 1 - Math.exp(d) : 0;
  },
  source: 'k = e^(q−p) − (q−p) − 1, clamped; verl `kl_penalty`',
};
