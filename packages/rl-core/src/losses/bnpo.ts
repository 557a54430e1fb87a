import { clippedSurrogate } from './clipped-surrogate.js';
import type { LossType } from './types.js';

/** BNPO: every token of the rows given weighs the same; with micro-batches the weight depends on their split. */
export const bnpo: LossType = {
  ...clippedSurrogate,
  name: 'bnpo',
  aggregation: 'bnpo',
  source: 'clipped surrogate, mean over the tokens of the micro-batch; TRL `bnpo`',
};
