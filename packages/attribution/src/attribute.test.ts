import { expect, test } from 'vitest';
import { linearModel } from '../test/models/linear-model.js';
import { attribute } from './attribute.js';

test('explains a linear model by its coefficients times the distance from the baseline', async () => {
  // F = 2 x₁ − x₂ + 3 x₃ at (1, 1, 1) from 0: credits 2, −1, 3.
  const result = await attribute(
    linearModel([[2], [-1], [3]]),
    { prompt: [[1], [1], [1]], completion: [7, 8], blocks: ['P', 'R', 'R'] },
    { baseline: 'zero' },
  );
  expect(result.tokens.scores).toEqual([2, -1, 3].map((value) => expect.closeTo(value, 12)));
  expect(result.blocks.map(({ name, score }) => [name, score])).toEqual([
    ['P', expect.closeTo(2, 12)],
    ['R', expect.closeTo(2, 12)],
  ]);
  expect(result.blocks.map(({ share }) => share)).toEqual([
    expect.closeTo(0.5, 12),
    expect.closeTo(0.5, 12),
  ]);
  expect(result.completeness).toMatchObject({
    targetAtInput: 4,
    targetAtBaseline: 0,
    converged: true,
  });
  expect(result.steps).toBe(8);
});
