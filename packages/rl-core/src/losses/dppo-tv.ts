import { dppoLoss } from './dppo.js';
import type { LossType } from './types.js';

/** DPPO-Binary-TV: the bounds `epsilonLow` and `epsilonHigh` are on the change of the token's probability. */
export const dppoTv: LossType = dppoLoss(
  'dppo_tv',
  'v = [p − p_old ≤ ε_h] where A > 0, else [p − p_old ≥ −ε]; DPPO (2602.04879), verl `dppo_tv`',
  (p, old, advantage, { epsilonLow, epsilonHigh }) => {
    const change = Math.exp(p) - Math.exp(old);
    return advantage > 0 ? change <= (epsilonHigh ?? epsilonLow) : change >= -epsilonLow;
  },
);
