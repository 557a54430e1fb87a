import type { CoalitionGame } from './coalitions/coalition-game.js';
import { openContext } from './context.js';
import type { AttributionInput } from './input.js';
import { Meter } from './meter.js';
import { leaveOneOut } from './methods/leave-one-out.js';
import type { AttributionModel } from './model.js';
import type { AttributeOptions } from './options.js';
import { setUpProblem } from './problem.js';

/**
 * Opens a table of coalition values that several methods and metrics share: each coalition is scored once, however
 * many of them ask for it. Nothing is scored yet.
 *
 * @example
 * const coalitions = await prepareCoalitions(model, input, { baseline: 'zero' });
 * const credit = await attribute(model, input, { method: 'shapley', baseline: 'zero', coalitions });
 * const curves = await faithfulness.deletion(coalitions, credit.players?.map(({ score }) => score) ?? []);
 */
export async function prepareCoalitions<Prompt>(
  model: AttributionModel<Prompt>,
  input: AttributionInput<Prompt>,
  options: Pick<
    AttributeOptions,
    | 'baseline'
    | 'target'
    | 'tokenWeights'
    | 'blocks'
    | 'players'
    | 'maskMode'
    | 'maximumBatch'
    | 'signal'
  > = {},
): Promise<CoalitionGame> {
  const problem = setUpProblem(model, input, { ...options, method: leaveOneOut });
  const meter = new Meter({ clock: () => performance.now(), forwardsTotal: 0 });
  return (await openContext(problem, meter, options)).game;
}
