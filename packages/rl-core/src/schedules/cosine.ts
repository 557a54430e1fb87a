import type { Schedule } from './types.js';
import { decayProgress, warmupFactor } from './warmup.js';

/** Falls along half a cosine to `minimumFactor` at the end of the run. */
export const cosine: Schedule = {
  name: 'cosine',
  source:
    'f = f_min + (1 − f_min)·½(1 + cos πp); SGDR (1608.03983), transformers `cosine_with_min_lr`',
  factor(step, options) {
    const minimum = options.minimumFactor ?? 0;
    const wave = 0.5 * (1 + Math.cos(Math.PI * decayProgress(step, options)));
    return warmupFactor(step, options) ?? minimum + (1 - minimum) * wave;
  },
};
