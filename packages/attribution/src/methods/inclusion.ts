import { emptyCoalition, withPlayer } from '../coalitions/coalition.js';
import type { AttributionMethod } from './method.js';

/** F(the player alone) − F(nobody). Blind to synergy: players that only work together both get 0. */
export const inclusion: AttributionMethod = {
  name: 'inclusion',
  family: 'perturbation',
  needs: ['coalitions'],
  usesBaseline: true,
  completeness: 'none',
  defaults: {},
  cost: ({ players }) => ({ forwards: players + 1, backwards: 0 }),
  attribute: async ({ players, game }) => {
    const nobody = emptyCoalition(players.length);
    const [empty = 0, ...alone] = await game.values([
      nobody,
      ...players.map((_, player) => withPlayer(nobody, player, true)),
    ]);
    return { level: 'players', scores: Float64Array.from(alone, (value) => value - empty) };
  },
};
