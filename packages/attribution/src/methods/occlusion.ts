import { grandCoalition } from '../coalitions/coalition.js';
import type { AttributionMethod } from './method.js';
import { requireInteger } from './requirements.js';

/**
 * Leave-one-out with a sliding window of `window` consecutive players: a player's score is the mean, over the
 * windows that cover it, of F(x) − F(x without the window). With window 1 it is leave-one-out.
 *
 * @see Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", 2014, https://arxiv.org/abs/1311.2901
 */
export const occlusion: AttributionMethod = {
  name: 'occlusion',
  family: 'perturbation',
  needs: ['coalitions'],
  usesBaseline: true,
  completeness: 'none',
  defaults: { window: 1, stride: 1 },
  cost: ({ players }, { window = 1, stride = 1 }) => ({
    forwards: listWindows(players, window, stride).length + 1,
    backwards: 0,
  }),
  attribute: async ({ players, game, settings }) => {
    const window = requireInteger('window', settings.window ?? 1, 1);
    const stride = requireInteger('stride', settings.stride ?? 1, 1);
    const windows = listWindows(players.length, window, stride);
    const all = grandCoalition(players.length);
    const [full = 0, ...without] = await game.values([
      all,
      ...windows.map(([start, end]) => all.slice().fill(0, start, end)),
    ]);
    const scores = new Float64Array(players.length);
    const covered = new Float64Array(players.length);
    for (const [index, [start, end]] of windows.entries()) {
      for (let player = start; player < end; player++) {
        scores[player]! += full - without[index]!;
        covered[player]! += 1;
      }
    }
    return { level: 'players', scores: scores.map((sum, player) => sum / covered[player]!) };
  },
};

/** Starts every `stride` players; the last window ends at the last player, so everybody is covered. */
function listWindows(players: number, window: number, stride: number): [number, number][] {
  const size = Math.min(window, players);
  const step = Math.min(stride, size);
  const windows: [number, number][] = [];
  for (let start = 0; start < players - size; start += step) windows.push([start, start + size]);
  windows.push([players - size, players]);
  return windows;
}
