import { clippedSurrogate } from './clipped-surrogate.js';
import type { LossType } from './types.js';

/** GSPO: one ratio a sequence, for mixture-of-experts policies whose token ratios are noisy. Use ε of about 3e-4. */
export const gspo: LossType = {
  ...clippedSurrogate,
  name: 'gspo',
  aggregation: 'grpo',
  source:
    'clipped surrogate on exp(mean log-ratio); GSPO (2507.18071), TRL `grpo` with level `sequence`',
  importanceSamplingLevel: 'sequence',
};
