import type { PolicyLossSettings } from '../settings.js';
import type { LossRow, LossTerms, LossType } from './types.js';
import { observeVerl, verlMetrics } from './verl-metrics.js';

/**
 *   H = max(−wA, −clip(w, 1 − ε, 1 + ε_h)·A),   L = min(−cA, H) where A < 0, else H
 *
 * Ties give half of the gradient to each side, as in `torch.max` and `torch.min`.
 */
export function dualClipTerms(row: LossRow, settings: PolicyLossSettings, out: LossTerms): void {
  const low = 1 - settings.epsilonLow;
  const high = 1 + (settings.epsilonHigh ?? settings.epsilonLow);
  const { length, ratio, advantages } = row;
  for (let t = 0; t < length; t += 1) {
    const w = ratio[t]!;
    const advantage = advantages[t]!;
    const clipped = Math.min(Math.max(w, low), high);
    const slope = -advantage * w;
    const clippedSlope = clipped === w ? slope : 0;
    const plainLoss = -advantage * w;
    const clippedLoss = -advantage * clipped;
    let loss = Math.max(plainLoss, clippedLoss);
    let derivative =
      plainLoss > clippedLoss
        ? slope
        : plainLoss < clippedLoss
          ? clippedSlope
          : 0.5 * (slope + clippedSlope);
    if (advantage < 0) {
      const bound = -advantage * settings.clipRatioC;
      if (bound < loss) derivative = 0;
      else if (bound === loss) derivative *= 0.5;
      loss = Math.min(loss, bound);
    }
    out.value[t] = loss;
    out.derivative[t] = derivative;
  }
}

/** Dual clip, verl's `vanilla` and EasyR1's `default`: PPO whose loss is also bounded where A < 0 and w is large. */
export const dualClip: LossType = {
  name: 'dual_clip',
  source: 'clipped surrogate bounded by −cA where A < 0; Ye et al. (1912.09729), verl `vanilla`',
  aggregation: 'token-mean',
  importanceSamplingLevel: null,
  gradient: 'ratio',
  logRatioBounds: [-20, 20],
  usesRatio: true,
  capsRatio: false,
  engineCorrection: 'multiply',
  entropyMask: 'multiply',
  defaults: {},
  terms: dualClipTerms,
  observe(row, { epsilonHigh, epsilonLow, clipRatioC }, tally) {
    const low = 1 - epsilonLow;
    const high = 1 + (epsilonHigh ?? epsilonLow);
    const { ratio, advantages } = row;
    observeVerl(
      row,
      tally,
      (t) => (advantages[t]! > 0 ? ratio[t]! > high : advantages[t]! < 0 && ratio[t]! < low),
      (t) => advantages[t]! < 0 && Math.max(ratio[t]!, low) > clipRatioC,
    );
  },
  metrics: verlMetrics,
};
