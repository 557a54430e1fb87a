import { withoutMetrics } from './no-metrics.js';
import type { LossType } from './types.js';

/** DRO: the plain policy gradient with a quadratic penalty on the log-ratio instead of a clip. */
export const dro: LossType = {
  name: 'dro',
  source: 'L = −Aℓ + ½β(ℓ − o)²; Richemond et al. (2405.19107), verl `dro`',
  aggregation: 'token-mean',
  importanceSamplingLevel: 'token',
  gradient: 'logprob',
  logRatioBounds: null,
  usesRatio: false,
  capsRatio: false,
  engineCorrection: 'multiply',
  entropyMask: 'multiply',
  defaults: {},
  terms({ length, logprobs, oldLogprobs, advantages }, { droBeta }, { value, derivative }) {
    for (let t = 0; t < length; t += 1) {
      const p = logprobs[t]!;
      const d = p - oldLogprobs[t]!;
      value[t] = -advantages[t]! * p + 0.5 * droBeta * d * d;
      derivative[t] = -advantages[t]! + droBeta * d;
    }
  },
  ...withoutMetrics,
};
