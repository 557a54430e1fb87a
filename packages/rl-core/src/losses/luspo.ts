import { clippedSurrogate } from './clipped-surrogate.js';
import type { LossType } from './types.js';

/**
 * LUSPO: sequence ratios weighted by length, which undoes the length bias of GSPO. Pass
 * `importanceSamplingLevel: 'sequence'`: the default level is TRL's `token`, which its documentation advises against.
 */
export const luspo: LossType = {
  ...clippedSurrogate,
  name: 'luspo',
  aggregation: 'luspo',
  source: 'clipped surrogate times the row length; LUSPO (2602.05261), TRL `luspo`',
};
