import { clippedSurrogate } from './clipped-surrogate.js';
import type { LossType } from './types.js';

/** GRPO: every answer weighs the same whatever its length, so a token of a short answer weighs more. */
export const grpo: LossType = {
  ...clippedSurrogate,
  name: 'grpo',
  aggregation: 'grpo',
  source: 'clipped surrogate, mean over tokens then rows; DeepSeekMath (2402.03300), TRL `grpo`',
};
