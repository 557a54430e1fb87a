import type { Coalition } from '../coalitions/coalition.js';
import { AttributionError } from '../errors.js';
import type { Player } from '../players/player.js';
import type { Random } from '../random.js';
import type { AttributionMethod } from './method.js';
import { averageOrders } from './player-orders.js';
import { requireInteger } from './requirements.js';
import { orderWeights } from './shapley.js';

/** Most coalitions of the exact sum; beyond, `samples` must ask for random orders. */
const mostCoalitions = 2 ** 16;

/**
 * Owen values: Shapley values in which the players of a group (single tools of the tool block, patches of the
 * image) join one after the other, never mixed with another group. They add up, inside a group, to the Shapley
 * value of the group.
 *
 * Exact by default; `samples` > 0 takes that many random orders instead (antithetic pairs, standard errors).
 *
 * @throws {AttributionError} `unsupported` when the exact sum needs more than 65,536 coalitions.
 * @see Owen, "Values of Games with a Priori Unions", 1977
 */
export const owen: AttributionMethod = {
  name: 'owen',
  family: 'perturbation',
  needs: ['coalitions'],
  usesBaseline: true,
  completeness: 'exact',
  defaults: { samples: 0 },
  cost: ({ players, groups }, { samples = 0 }) => ({
    forwards:
      samples > 0
        ? 2 * Math.ceil(samples / 2) * (players - 1) + 2
        : Math.min(2 ** players, 2 ** (groups - 1) * 2 ** (players - groups + 1) * groups),
    backwards: 0,
  }),
  attribute: async ({ players, game, settings, random }) => {
    const samples = requireInteger('samples', settings.samples ?? 0, 0);
    const groups = groupPlayers(players);
    const values = game.values.bind(game);
    if (samples === 0)
      return { level: 'players', scores: await exact(players.length, groups, values) };
    const draws = Array.from({ length: Math.ceil(samples / 2) }, (_, pair) => {
      const order = drawOrder(groups, random.split('owen', pair));
      return [order, order.toReversed()];
    });
    const { scores, standardErrors } = await averageOrders(players.length, draws, values);
    return { level: 'players', scores, ...(standardErrors === null ? {} : { standardErrors }) };
  },
};

/** Players by group; a player without a group is a group of its own. */
function groupPlayers(players: readonly Player[]): number[][] {
  const groups = new Map<string, number[]>();
  for (const [index, player] of players.entries()) {
    const key = player.group === undefined ? `player ${index}` : `group ${player.group}`;
    const members = groups.get(key);
    if (members === undefined) groups.set(key, [index]);
    else members.push(index);
  }
  return [...groups.values()];
}

function drawOrder(groups: readonly number[][], random: Random): number[] {
  return random.permutation(groups.length).flatMap((group) => {
    const members = groups[group] ?? [];
    return random.permutation(members.length).map((index) => members[index]!);
  });
}

/** Σ over sets H of other groups and sets T of group mates, each weighted by the orders in which they come first. */
async function exact(
  players: number,
  groups: readonly number[][],
  values: (coalitions: Coalition[]) => Promise<Float64Array>,
): Promise<Float64Array> {
  const needed = groups.reduce(
    (sum, members) => sum + 2 ** (groups.length - 1 + members.length),
    0,
  );
  if (needed > mostCoalitions) {
    throw new AttributionError(
      'unsupported',
      `Exact Owen values would need ${needed} coalitions (limit ${mostCoalitions}): set \`samples\`.`,
    );
  }
  const outer = orderWeights(groups.length);
  const scores = new Float64Array(players);
  for (const [own, members] of groups.entries()) {
    const inner = orderWeights(members.length);
    const others = groups.filter((_, index) => index !== own);
    for (let chosen = 0; chosen < 2 ** others.length; chosen++) {
      const first = new Uint8Array(players);
      for (const [index, group] of others.entries()) {
        if ((chosen >>> index) & 1) for (const player of group) first[player] = 1;
      }
      const coalitions = Array.from({ length: 2 ** members.length }, (_, mates) => {
        const coalition = first.slice();
        for (const [bit, player] of members.entries()) coalition[player] = (mates >>> bit) & 1;
        return coalition;
      });
      const table = await values(coalitions);
      for (let mates = 0; mates < coalitions.length; mates++) {
        const weight = outer[countBits(chosen)]! * (inner[countBits(mates)] ?? 0);
        for (const [bit, player] of members.entries()) {
          if ((mates >>> bit) & 1) continue;
          scores[player]! += weight * (table[mates | (1 << bit)]! - table[mates]!);
        }
      }
    }
  }
  return scores;
}

function countBits(value: number): number {
  let count = 0;
  for (let rest = value; rest > 0; rest >>>= 1) count += rest & 1;
  return count;
}
