import type { LossType } from './types.js';
import { observeVerl, verlMetrics } from './verl-metrics.js';

/** CISPO as in verl and EasyR1: the detached weight is clamped to 1 − ε … 1 + ε_h. */
export const cispoTwoSided: LossType = {
  name: 'cispo_two_sided',
  source: 'L = −sg[clip(w, 1 − ε, 1 + ε_h)]·A·ℓ; verl `cispo`, EasyR1 `cispo`',
  aggregation: 'token-mean',
  importanceSamplingLevel: null,
  gradient: 'logprob',
  logRatioBounds: [-20, 20],
  usesRatio: true,
  capsRatio: false,
  engineCorrection: 'multiply',
  entropyMask: 'multiply',
  defaults: {},
  terms(
    { length, ratio, advantages, logprobs },
    { epsilonHigh, epsilonLow },
    { value, derivative },
  ) {
    const low = 1 - epsilonLow;
    const high = 1 + (epsilonHigh ?? epsilonLow);
    for (let t = 0; t < length; t += 1) {
      const w = ratio[t]!;
      const weight = -Math.min(Math.max(w, low), high) * advantages[t]!;
      value[t] = weight * logprobs[t]!;
      derivative[t] = weight;
    }
  },
  observe(row, { epsilonHigh, epsilonLow }, tally) {
    const low = 1 - epsilonLow;
    const high = 1 + (epsilonHigh ?? epsilonLow);
    observeVerl(
      row,
      tally,
      (t) => row.ratio[t]! < low || row.ratio[t]! > high,
      () => false,
    );
  },
  metrics: verlMetrics,
};
