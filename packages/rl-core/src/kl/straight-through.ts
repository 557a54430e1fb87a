import { k2 } from './k2.js';
import type { KlEstimator } from './types.js';

/**
 * The value of `base` with the gradient of k2, whose expectation is the gradient of KL (verl's suffix `+`).
 */
export function straightThrough(base: KlEstimator): KlEstimator {
  return {
    name: `${base.name}+`,
    value: base.value,
    derivative: k2.derivative,
    source: `value of ${base.name}, gradient of k2; verl \`kl_penalty\` with "+"`,
  };
}
