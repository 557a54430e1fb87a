import { dppoLoss } from './dppo.js';
import type { LossType } from './types.js';

// verl's guard against log 0.
const GUARD = 1e-8;

/** DPPO-Binary-KL: the bounds are on KL between the Bernoulli distributions "this token or not", old ‖ new. */
export const dppoKl: LossType = dppoLoss(
  'dppo_kl',
  'v = [KL(old‖new) ≤ ε] or the step leads back; DPPO (2602.04879), verl `dppo_kl`',
  (p, old, advantage, { epsilonLow, epsilonHigh }) => {
    const probability = Math.exp(p);
    const oldProbability = Math.exp(old);
    const divergence =
      oldProbability * (old - p) +
      (1 - oldProbability) * Math.log((1 - oldProbability + GUARD) / (1 - probability + GUARD));
    return advantage > 0
      ? divergence <= (epsilonHigh ?? epsilonLow) || probability <= oldProbability
      : divergence <= epsilonLow || probability >= oldProbability;
  },
);
