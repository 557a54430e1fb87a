import type { PolicyLossSettings } from '../settings.js';
import { clipRatioMetrics, observeClipRatio } from './clip-metrics.js';
import type { LossRow, LossTerms, LossType } from './types.js';

/**
 *   L = −min( min(w, δ)·A, clip(w, 1 − ε, 1 + ε_h)·A )          ∂w/∂d = w
 *
 * The gradient passes where the bound that was taken is not active, bounds included; on a tie of the two sides
 * each gets half, as in `torch.min`.
 */
function clippedTerms(row: LossRow, settings: PolicyLossSettings, out: LossTerms): void {
  const low = 1 - settings.epsilonLow;
  const high = 1 + (settings.epsilonHigh ?? settings.epsilonLow);
  const cap = settings.delta ?? Number.POSITIVE_INFINITY;
  const { length, ratio, advantages } = row;
  const { value, derivative } = out;
  for (let t = 0; t < length; t += 1) {
    const w = ratio[t]!;
    const advantage = advantages[t]!;
    const capped = Math.min(w, cap);
    const clipped = Math.min(Math.max(w, low), high);
    const plainTerm = capped * advantage;
    const clippedTerm = clipped * advantage;
    const plainSlope = w <= cap ? 1 : 0;
    const clippedSlope = w >= low && w <= high ? 1 : 0;
    if (plainTerm < clippedTerm) {
      value[t] = -plainTerm;
      derivative[t] = -advantage * w * plainSlope;
    } else if (clippedTerm < plainTerm) {
      value[t] = -clippedTerm;
      derivative[t] = -advantage * w * clippedSlope;
    } else {
      value[t] = -plainTerm;
      derivative[t] = -advantage * w * 0.5 * (plainSlope + clippedSlope);
    }
  }
}

/** PPO's clipped surrogate with everything but the name and the aggregation, which each loss of the family sets. */
export const clippedSurrogate: Omit<LossType, 'name' | 'source' | 'aggregation'> = {
  importanceSamplingLevel: null,
  gradient: 'ratio',
  logRatioBounds: null,
  usesRatio: true,
  capsRatio: true,
  engineCorrection: 'multiply',
  entropyMask: 'multiply',
  defaults: {},
  terms: clippedTerms,
  observe: observeClipRatio,
  metrics: clipRatioMetrics,
};
