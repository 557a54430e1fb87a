import { countPresent, enumerateCoalitions } from '../coalitions/coalition.js';
import type { AttributionMethod } from './method.js';

/**
 * Exact Shapley values: Σ_S |S|! (M − |S| − 1)! / M! · [v(S ∪ i) − v(S)], from the table of all 2^M coalitions
 * (16 forwards for four blocks; summing over orders would take M! · M).
 *
 * @throws {AttributionError} `unsupported` for more than 16 players.
 * @see Shapley, "A Value for n-Person Games", 1953
 */
export const shapley: AttributionMethod = {
  name: 'shapley',
  family: 'perturbation',
  needs: ['coalitions'],
  usesBaseline: true,
  completeness: 'exact',
  defaults: {},
  cost: ({ players }) => ({ forwards: 2 ** players, backwards: 0 }),
  attribute: async ({ players, game }) => {
    const weights = orderWeights(players.length);
    return {
      level: 'players',
      scores: await averageMarginals(
        players.length,
        game.values.bind(game),
        'shapley',
        (size) => weights[size]!,
      ),
    };
  },
};

/** s! (M − s − 1)! / M! for s = 0 … M − 1, by recurrence: the factorials would overflow for many players. */
export function orderWeights(players: number): number[] {
  const weights = [1 / players];
  for (let size = 1; size < players; size++) {
    weights.push((weights[size - 1]! * size) / (players - size));
  }
  return weights;
}

/** Σ_S weight(|S|) · [v(S ∪ i) − v(S)] over the coalitions S without i, for every player i. */
export async function averageMarginals(
  players: number,
  values: (coalitions: Uint8Array[]) => Promise<Float64Array>,
  method: string,
  weight: (size: number) => number,
): Promise<Float64Array> {
  const coalitions = enumerateCoalitions(players, method);
  const table = await values(coalitions);
  const scores = new Float64Array(players);
  for (const [number, coalition] of coalitions.entries()) {
    const factor = weight(countPresent(coalition));
    for (let player = 0; player < players; player++) {
      if (coalition[player] === 1) continue;
      const joined = number | (1 << (players - 1 - player));
      scores[player]! += factor * (table[joined]! - table[number]!);
    }
  }
  return scores;
}
