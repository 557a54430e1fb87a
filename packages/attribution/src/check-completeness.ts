import type { MethodContext, MethodScores } from './methods/method.js';
import { pathDefaults } from './methods/path-integral.js';
import type { Problem } from './problem.js';
import type { CompletenessCheck } from './result.js';

/** Rounding errors of a sum of log-probabilities that still count as complete, in units of its last place. */
const roundingUnits = 8;

/** Compares what the scores add up to with F(input) − F(baseline); `null` for methods that promise nothing. */
export async function checkCompleteness<Prompt>(
  { method }: Problem<Prompt>,
  context: MethodContext,
  raw: MethodScores,
  tolerance: number = pathDefaults.tolerance,
): Promise<CompletenessCheck | null> {
  if (method.completeness === 'none') return null;
  const { input, baseline } = await context.endpoints();
  const sum = raw.completeSum ?? raw.scores.reduce((total, score) => total + score, 0);
  const difference = input - baseline;
  const delta = sum - difference;
  const epsilon = context.space?.input instanceof Float32Array ? 2 ** -23 : 2 ** -52;
  const rounding = roundingUnits * epsilon * Math.max(Math.abs(input), Math.abs(baseline));
  return {
    targetAtInput: input,
    targetAtBaseline: baseline,
    sum,
    delta,
    relativeDelta: difference === 0 ? null : Math.abs(delta / difference),
    tolerance,
    converged: Math.abs(delta) <= Math.max(tolerance * Math.abs(difference), rounding),
  };
}
