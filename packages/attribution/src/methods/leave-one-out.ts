import { grandCoalition, withPlayer } from '../coalitions/coalition.js';
import type { AttributionMethod } from './method.js';

/** F(x) − F(x without the player). Blind to redundancy: two players that can replace each other both get 0. */
export const leaveOneOut: AttributionMethod = {
  name: 'leaveOneOut',
  family: 'perturbation',
  needs: ['coalitions'],
  usesBaseline: true,
  completeness: 'none',
  defaults: {},
  cost: ({ players }) => ({ forwards: players + 1, backwards: 0 }),
  attribute: async ({ players, game }) => {
    const all = grandCoalition(players.length);
    const [full = 0, ...without] = await game.values([
      all,
      ...players.map((_, player) => withPlayer(all, player, false)),
    ]);
    return { level: 'players', scores: Float64Array.from(without, (value) => full - value) };
  },
};
