import { seededShuffle } from '../random.js';
import type { PolicyLossSettings } from '../settings.js';
import { tokenCovariances } from './covariance.js';
import { dualClipTerms } from './dual-clip.js';
import type { LossType, SelectionInput } from './types.js';
import { observeVerl, verlMetrics } from './verl-metrics.js';

/** Tokens whose covariance lies strictly between the bounds and that the clip leaves alone; at most the given share, drawn with `seed`. */
function chooseTokens(
  input: SelectionInput,
  settings: PolicyLossSettings,
): readonly (readonly [number, number])[] {
  const low = 1 - settings.epsilonLow;
  const high = 1 + (settings.epsilonHigh ?? settings.epsilonLow);
  const tokens = tokenCovariances(input);
  const candidates = tokens.filter(({ row, position, covariance }) => {
    const w = Math.exp(input.logprobs[row]![position]! - input.oldLogprobs[row]![position]!);
    const advantage = input.advantageAt(row, position);
    const isClipped = advantage > 0 ? w > high : advantage < 0 && w < low;
    return !isClipped && covariance > settings.clipCovLow && covariance < settings.clipCovHigh;
  });
  const count = Math.max(Math.trunc(settings.clipCovRatio * tokens.length), 1);
  return seededShuffle(candidates, settings.seed)
    .slice(0, count)
    .map(({ row, position }) => [row, position]);
}

/** Clip-Cov: a few tokens of high covariance between advantage and log-probability lose their gradient, which keeps entropy up. */
export const clipCov: LossType = {
  name: 'clip_cov',
  source: 'clipped surrogate, 0 on chosen tokens; Cui et al. (2505.22617), verl `clip_cov`',
  aggregation: 'token-mean',
  importanceSamplingLevel: 'token',
  gradient: 'ratio',
  logRatioBounds: null,
  usesRatio: true,
  capsRatio: false,
  engineCorrection: 'multiply',
  entropyMask: 'multiply',
  // No dual clip here; an infinite cap switches it off.
  defaults: { clipRatioC: Number.POSITIVE_INFINITY },
  select: chooseTokens,
  terms(row, settings, out) {
    dualClipTerms(row, settings, out);
    for (let t = 0; t < row.length; t += 1) {
      if (row.selected[t] === 0) continue;
      out.value[t] = 0;
      out.derivative[t] = 0;
    }
  },
  observe: (row, _settings, tally) =>
    observeVerl(
      row,
      tally,
      (t) => row.selected[t] !== 0,
      () => false,
    ),
  metrics: verlMetrics,
};
