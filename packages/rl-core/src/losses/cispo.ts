import { addRowShare, meanShare } from './clip-metrics.js';
import type { LossType } from './types.js';

/**
 * CISPO as in TRL: the ratio is a detached weight, capped at `epsilonHigh` itself (not 1 + ε_h), without a lower
 * bound. Every token keeps a gradient.
 */
export const cispo: LossType = {
  name: 'cispo',
  source: 'L = −sg[min(w, ε_high)]·A·ℓ; MiniMax-M1 (2506.13585), TRL `cispo`',
  aggregation: 'dapo',
  importanceSamplingLevel: null,
  gradient: 'logprob',
  logRatioBounds: null,
  usesRatio: true,
  capsRatio: false,
  engineCorrection: 'multiply',
  entropyMask: 'multiply',
  // ScaleRL's cap; the general default would be 0.2, which caps every ratio.
  defaults: { epsilonHigh: 5 },
  terms(
    { length, ratio, advantages, logprobs },
    { epsilonHigh, epsilonLow },
    { value, derivative },
  ) {
    const cap = epsilonHigh ?? epsilonLow;
    for (let t = 0; t < length; t += 1) {
      const w = ratio[t]!;
      const weight = -Math.min(w, cap) * advantages[t]!;
      value[t] = weight * logprobs[t]!;
      derivative[t] = weight;
    }
  },
  observe(
    { length, tokens, ratio, advantages, mask },
    { epsilonHigh, epsilonLow },
    tally,
    constant,
  ) {
    const cap = epsilonHigh ?? epsilonLow;
    const last = constant ? Math.min(length, 1) : length;
    let count = 0;
    for (let t = 0; t < last; t += 1) {
      if ((constant || mask[t] !== 0) && ratio[t]! > cap && advantages[t]! > 0) count += 1;
    }
    addRowShare(tally, 'clipped', count, constant ? last : tokens);
  },
  metrics: (tally) => ({ cispo_clip_ratio: meanShare(tally, 'clipped') }),
};
