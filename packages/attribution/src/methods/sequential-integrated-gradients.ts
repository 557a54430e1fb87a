import type { AttributionMethod, MethodContext } from './method.js';
import { integratePath, mostEvaluations, pathDefaults, settlePath } from './path-integral.js';
import { requireSpace } from './requirements.js';

/**
 * Integrated gradients of one unit at a time: only its rows start at the baseline, the rest of the prompt stays
 * real, so the path never leaves prompts that look like prompts. `per: 'player'` (default) takes the players
 * (blocks) as units, `per: 'token'` is the paper's. The scores of a unit add up to F(x) − F(x without the unit);
 * there is no completeness over all units. Costs one path a unit.
 *
 * @see Enguehard, "Sequential Integrated Gradients", ACL 2023, https://arxiv.org/abs/2305.15853
 */
export const sequentialIntegratedGradients: AttributionMethod = {
  name: 'sequentialIntegratedGradients',
  family: 'gradient',
  needs: ['gradients'],
  usesBaseline: true,
  completeness: 'none',
  defaults: { ...pathDefaults, multiplyByInputs: true, per: 'player' },
  settle: (given) => ({
    ...settlePath(given),
    multiplyByInputs: given.multiplyByInputs ?? true,
    per: given.per ?? 'player',
  }),
  cost: (size, settings) => {
    const units = settings.per === 'token' ? size.tokens : size.players;
    const evaluations = units * mostEvaluations(settings);
    return { forwards: evaluations + units + 1, backwards: evaluations };
  },
  attribute: async (context) => {
    const { multiplyByInputs = true } = context.settings;
    const { objective, input, baseline } = requireSpace(context);
    const { hiddenSize } = objective;
    const far = await baseline();
    const scores = new Float64Array(input.length);
    let steps = 0;
    let valueAtInput: Promise<Float64Array> | null = null;
    for (const unit of listUnits(context)) {
      const start = input.slice();
      for (const token of unit) {
        start.set(far.subarray(token * hiddenSize, (token + 1) * hiddenSize), token * hiddenSize);
      }
      const path = await integratePath(objective, start, input, context.settings, async () => {
        valueAtInput ??= objective.values(1, (_, point) => point.set(input));
        const [atInput = 0] = await valueAtInput;
        const [atStart = 0] = await objective.values(1, (_, point) => point.set(start));
        return atInput - atStart;
      });
      steps = Math.max(steps, path.steps);
      for (const token of unit) {
        for (let at = token * hiddenSize; at < (token + 1) * hiddenSize; at++) {
          const factor = multiplyByInputs ? input[at]! - start[at]! : 1;
          scores[at] = path.meanGradient[at]! * factor;
        }
      }
    }
    return { level: 'dimensions', scores, steps };
  },
};

function listUnits({ settings, players, tokens }: MethodContext): (readonly number[])[] {
  if (settings.per === 'token') return Array.from({ length: tokens }, (_, token) => [token]);
  return players.map((player) => player.tokens);
}
