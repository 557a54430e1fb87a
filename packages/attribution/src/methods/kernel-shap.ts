import {
  type Coalition,
  countPresent,
  emptyCoalition,
  enumerateCoalitions,
  grandCoalition,
  readMasks,
} from '../coalitions/coalition.js';
import type { Random } from '../random.js';
import { weightedLeastSquares } from '../statistics/least-squares.js';
import type { AttributionMethod } from './method.js';
import { requireInteger } from './requirements.js';

/** SHAP's budget: 2M + 2048 coalitions. */
const defaultSamples = (players: number): number => 2 * players + 2048;

/**
 * Shapley values by weighted regression of v on presence. When the budget covers all 2^M coalitions they are
 * enumerated and the result is exact; otherwise sizes are drawn from the Shapley kernel and every coalition comes
 * with its complement. No player is ever set to 0 by a hidden penalty (SHAP's `l1_reg` does beyond ten features).
 *
 * `endpointWeight: 'exact'` (default) makes v(nobody) and v(all) hard constraints; a number weighs those two rows
 * instead, with a free intercept (Captum: 1e6). Given `masks` are used as they are, with unit weights.
 *
 * @throws {AttributionError} `degenerate` when the coalitions do not determine the scores.
 * @see Lundberg, Lee, "A Unified Approach to Interpreting Model Predictions", 2017, https://arxiv.org/abs/1705.07874
 */
export const kernelShap: AttributionMethod = {
  name: 'kernelShap',
  family: 'perturbation',
  needs: ['coalitions'],
  usesBaseline: true,
  completeness: 'exact',
  defaults: { endpointWeight: 'exact' },
  optional: ['samples', 'masks'],
  cost: ({ players }, { samples = defaultSamples(players), masks }) => ({
    forwards: Math.min(2 ** players, (masks?.length ?? samples) + 2),
    backwards: 0,
  }),
  attribute: async ({ players, game, settings, random }) => {
    const count = players.length;
    const { endpointWeight = 'exact' } = settings;
    const [empty = 0, full = 0] = await game.values([emptyCoalition(count), grandCoalition(count)]);
    if (count === 1)
      return { level: 'players', scores: Float64Array.of(full - empty), intercept: empty };
    const { coalitions, weights } = chooseCoalitions();
    const values = await game.values(coalitions);
    if (endpointWeight === 'exact') {
      const scores = fitConstrained(coalitions, values, weights, empty, full);
      return { level: 'players', scores, intercept: empty };
    }
    return { level: 'players', ...fitWithEndpoints(coalitions, values, weights, endpointWeight) };

    function chooseCoalitions(): { coalitions: Coalition[]; weights: number[] } {
      if (settings.masks !== undefined) {
        const given = readMasks(settings.masks, count);
        return { coalitions: given, weights: given.map(() => 1) };
      }
      const samples = requireInteger('samples', settings.samples ?? defaultSamples(count), 2);
      if (count <= 16 && 2 ** count - 2 <= samples) {
        const all = enumerateCoalitions(count, 'kernelShap').filter(
          (_, index, { length }) => index > 0 && index < length - 1,
        );
        return {
          coalitions: all,
          weights: all.map((coalition) => kernelWeight(count, countPresent(coalition))),
        };
      }
      const drawn = drawCoalitions(count, samples, random.split('kernelShap'));
      return { coalitions: drawn, weights: drawn.map(() => 1) };
    }
  },
};

/** π(s) = (M − 1) / (C(M, s) · s · (M − s)). */
function kernelWeight(players: number, size: number): number {
  let binomial = 1;
  for (let index = 1; index <= size; index++) binomial *= (players - size + index) / index;
  return (players - 1) / (binomial * size * (players - size));
}

/** Sizes ∝ (M − 1) / (s (M − s)), members uniform, each coalition followed by its complement. */
function drawCoalitions(players: number, samples: number, random: Random): Coalition[] {
  const cumulative: number[] = [];
  let total = 0;
  for (let size = 1; size < players; size++) {
    total += 1 / (size * (players - size));
    cumulative.push(total);
  }
  const coalitions: Coalition[] = [];
  for (let pair = 0; pair < Math.ceil(samples / 2); pair++) {
    const draw = random.uniform() * total;
    const size = 1 + cumulative.findIndex((bound) => draw < bound);
    const members = random.permutation(players).slice(0, size);
    const coalition = new Uint8Array(players);
    for (const player of members) coalition[player] = 1;
    coalitions.push(
      coalition,
      coalition.map((present) => 1 - present),
    );
  }
  return coalitions;
}

/** Eliminates the last player by Σφ = v(all) − v(nobody); the intercept is v(nobody). */
function fitConstrained(
  coalitions: readonly Coalition[],
  values: Float64Array,
  weights: readonly number[],
  empty: number,
  full: number,
): Float64Array {
  const players = coalitions[0]?.length ?? 0;
  const difference = full - empty;
  const rows = coalitions.map((coalition) => {
    const last = coalition[players - 1]!;
    return Array.from(coalition.subarray(0, players - 1), (present) => present - last);
  });
  const wanted = values.map(
    (value, index) => value - empty - coalitions[index]![players - 1]! * difference,
  );
  const others = weightedLeastSquares(rows, wanted, weights);
  const last = difference - others.reduce((sum, score) => sum + score, 0);
  return Float64Array.from([...others, last]);
}

/** Free intercept; the rows in which nobody or everybody is present weigh `endpointWeight`. */
function fitWithEndpoints(
  coalitions: readonly Coalition[],
  values: Float64Array,
  weights: readonly number[],
  endpointWeight: number,
): { scores: Float64Array; intercept: number } {
  const rows = coalitions.map((coalition) => [...coalition, 1]);
  const adjusted = coalitions.map((coalition, index) => {
    const size = countPresent(coalition);
    return size === 0 || size === coalition.length ? endpointWeight : weights[index]!;
  });
  const fit = weightedLeastSquares(rows, values, adjusted);
  return { scores: Float64Array.from(fit.slice(0, -1)), intercept: fit.at(-1) ?? 0 };
}
