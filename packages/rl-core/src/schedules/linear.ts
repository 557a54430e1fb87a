import type { Schedule } from './types.js';
import { decayProgress, warmupFactor } from './warmup.js';

/** Falls in a straight line to `minimumFactor` at the end of the run. TRL's default (its trainer's, to 0). */
export const linear: Schedule = {
  name: 'linear',
  source: 'f = 1 − (1 − f_min)·p, p the progress after the warm-up; transformers `linear`',
  factor: (step, options) =>
    warmupFactor(step, options) ??
    1 - (1 - (options.minimumFactor ?? 0)) * decayProgress(step, options),
};
