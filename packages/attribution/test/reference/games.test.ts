import { describe, test } from 'vitest';
import { attribute } from '../../src/attribute.js';
import { expectClose } from '../close.js';
import { gameInput, gameModel } from '../models/game-model.js';
import { polynomialModel } from '../models/polynomial-model.js';
import { cases, get } from './cases.js';

const games = Object.entries(get<Record<string, unknown>>(cases, 'toy_games', 'games'));

describe.each(games)('toy game %s', (name, game) => {
  const values = get<Record<string, number>>(game, 'coalition_values');
  const model = gameModel((keep) => values[keep.join('')] ?? Number.NaN);
  test.each([
    ['shapley', 'shapley'],
    ['banzhaf', 'banzhaf'],
    ['leaveOneOut', 'leave_one_out'],
    ['inclusion', 'inclusion'],
    ['kernelShap', 'shapley'],
    ['owen', 'shapley'],
  ] as const)('%s gives the reference %s', async (method, key) => {
    const result = await attribute(model, gameInput(['P', 'R', 'I', 'T']), { method });
    const scores = result.players?.map(({ score }) => score);
    expectClose(scores, get(game, key), `${name} ${method}`, 1e-12);
  });
});

test('polynomial 2a − 3b + c/2 + ab² + c³ at (1, 2, 3): closed-form integrated gradients and Shapley values', async () => {
  // ∫ 2 + (2α)² dα = 10/3; 2 ∫ −3 + 2·α·2α dα = −10/3; 3 ∫ ½ + 3(3α)² dα = 28.5. The term ab² = 4 is split evenly by
  // Shapley: 2 + 2, −6 + 2, 1.5 + 27.
  const input = { prompt: [[1], [2], [3]], completion: [1], blocks: ['P', 'R', 'I'] };
  const path = await attribute(polynomialModel, input, { baseline: 'zero', steps: 2 });
  expectClose(path.tokens.scores, [10 / 3, -10 / 3, 28.5], 'integrated gradients', 1e-13);
  const shapley = await attribute(polynomialModel, input, { baseline: 'zero', method: 'shapley' });
  expectClose(shapley.tokens.scores, [4, -4, 28.5], 'shapley', 1e-12);
});
