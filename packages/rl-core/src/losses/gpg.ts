import { withoutMetrics } from './no-metrics.js';
import type { LossType } from './types.js';

/** GPG: the plain policy gradient, no ratio and no clip. With `seq-mean-token-sum` it is REINFORCE. */
export const gpg: LossType = {
  name: 'gpg',
  source: 'L = −Aℓ; GPG (2504.02546), verl `gpg`; Williams, 1992',
  aggregation: 'token-mean',
  importanceSamplingLevel: 'token',
  gradient: 'logprob',
  logRatioBounds: null,
  usesRatio: false,
  capsRatio: false,
  engineCorrection: 'multiply',
  entropyMask: 'multiply',
  defaults: {},
  terms({ length, logprobs, advantages }, _settings, { value, derivative }) {
    for (let t = 0; t < length; t += 1) {
      value[t] = -advantages[t]! * logprobs[t]!;
      derivative[t] = -advantages[t]!;
    }
  },
  ...withoutMetrics,
};
