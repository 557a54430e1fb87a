import { clippedSurrogate } from './clipped-surrogate.js';
import type { LossType } from './types.js';

/** GSPO-token: GSPO whose advantage may differ from token to token. */
export const gspoToken: LossType = {
  ...clippedSurrogate,
  name: 'gspo_token',
  aggregation: 'grpo',
  source: 'w_it = sg[w_i] · e^(ℓ − sg ℓ); GSPO-token (2507.18071 Eq. 13), TRL experimental',
  importanceSamplingLevel: 'sequence_token',
};
