import { clippedSurrogate } from './clipped-surrogate.js';
import type { LossType } from './types.js';

/** DAPO: every token of the generation batch weighs the same. The default, as in TRL; clip-higher is `epsilonHigh: 0.28`. */
export const dapo: LossType = {
  ...clippedSurrogate,
  name: 'dapo',
  aggregation: 'dapo',
  source: 'clipped surrogate, mean over all tokens; DAPO (2503.14476), TRL `dapo`',
};
