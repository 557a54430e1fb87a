import type { AttributionInput } from './input.js';
import type { CostEstimate } from './meter.js';
import type { AttributionModel } from './model.js';
import type { AttributeOptions } from './options.js';
import { setUpProblem } from './problem.js';

/**
 * How many forwards and backwards `attribute` will need at most with the same arguments; the model is not called.
 * Adaptive steps may stop earlier and shared tables save forwards.
 */
export function estimateCost<Prompt>(
  model: AttributionModel<Prompt>,
  input: AttributionInput<Prompt>,
  options: AttributeOptions = {},
): CostEstimate {
  const { method, size, settings, target } = setUpProblem(model, input, options);
  const once = method.cost(size, settings);
  // The two ends of the path are scored for the completeness check.
  const ends = method.completeness !== 'none' && method.family === 'gradient' ? 2 : 0;
  const passes =
    options.perTarget === true && method.family === 'gradient' ? 1 + target.tokenCount : 1;
  const terms = target.terms.length;
  return {
    forwards: (once.forwards * passes + ends) * terms,
    backwards: once.backwards * passes * terms,
  };
}
