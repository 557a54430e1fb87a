import { clippedSurrogate } from './clipped-surrogate.js';
import type { LossType } from './types.js';

/** Dr. GRPO: a constant divisor removes the length bias; use it with unscaled advantages. */
export const drGrpo: LossType = {
  ...clippedSurrogate,
  name: 'dr_grpo',
  aggregation: 'dr_grpo',
  source: 'clipped surrogate, constant divisor; Dr. GRPO (2503.20783), TRL `dr_grpo`',
};
