import type { Schedule } from './types.js';
import { warmupFactor } from './warmup.js';

/** 1 after the warm-up. */
export const constant: Schedule = {
  name: 'constant',
  source: 'f = 1; transformers `constant_with_warmup`',
  factor: (step, options) => warmupFactor(step, options) ?? 1,
};
