import type { AttributionInput } from './input.js';
import type { CostEstimate } from './meter.js';
import type { AttributionModel } from './model.js';
import type { AttributeOptions } from './options.js';
import { type Problem, setUpProblem } from './problem.js';

/**
 * How many forwards and backwards `attribute` will need at most with the same arguments; the model is not called.
 * Adaptive steps may stop earlier and shared tables save forwards.
 */
export function estimateCost<Prompt>(
  model: AttributionModel<Prompt>,
  input: AttributionInput<Prompt>,
  options: AttributeOptions = {},
): CostEstimate {
  return estimateProblem(setUpProblem(model, input, options), options);
}

/** The same for arguments that are already resolved. */
export function estimateProblem<Prompt>(
  { model, method, size, settings, target, scoresPrompts }: Problem<Prompt>,
  { perTarget = false }: Pick<AttributeOptions, 'perTarget'>,
): CostEstimate {
  const once = method.cost(size, settings);
  // The two ends of the path are scored for the completeness check.
  const ends = method.completeness !== 'none' && method.family === 'gradient' ? 2 : 0;
  const passes = perTarget && method.family === 'gradient' ? 1 + target.tokenCount : 1;
  const terms = target.terms.length;
  const forwards = (once.forwards * passes + ends) * terms;
  // A model without a forward of its own gives scores through `gradients`, whose backward is then wasted.
  const wastes =
    model.embeddingLogprobs === undefined && !scoresPrompts && method.family !== 'attention';
  return { forwards, backwards: wastes ? forwards : once.backwards * passes * terms };
}
