import type { Schedule } from './types.js';
import { warmupFactor } from './warmup.js';

/** Warm-up, a plateau, and a linear fall over the last `decaySteps`: the plateau can be prolonged at will. */
export const wsd: Schedule = {
  name: 'wsd',
  source:
    'f = 1, then 1 − (1 − f_min)·p over the decay; MiniCPM (2404.06395), transformers `warmup_stable_decay` with linear decay',
  factor(step, options) {
    const { totalSteps, minimumFactor = 0 } = options;
    const decaySteps = options.decaySteps ?? Math.ceil(totalSteps / 10);
    const progress = (step - (totalSteps - decaySteps)) / Math.max(1, decaySteps);
    const fall = (1 - minimumFactor) * Math.min(Math.max(progress, 0), 1);
    return warmupFactor(step, options) ?? 1 - fall;
  },
};
