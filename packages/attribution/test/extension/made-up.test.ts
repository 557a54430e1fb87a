import { expect, test } from 'vitest';
import {
  type AttributionMethod,
  attribute,
  type Baseline,
  type Normalization,
  normalizations,
} from '../../src/index.js';
import { linearModel } from '../models/linear-model.js';

// Everything a user needs to add lies in this one file, and nothing is registered anywhere.

/** Credit by the position in the prompt, times F(x): nonsense, but computable in the head. */
const positional: AttributionMethod = {
  name: 'positional',
  family: 'gradient',
  needs: ['gradients'],
  usesBaseline: true,
  completeness: 'none',
  defaults: { custom: { factor: 1 } },
  cost: () => ({ forwards: 2, backwards: 0 }),
  attribute: async (context) => {
    const { input } = await context.endpoints();
    const factor = Number(context.settings.custom?.factor ?? 1);
    return {
      level: 'tokens',
      scores: Float64Array.from({ length: context.tokens }, (_, token) => factor * token * input),
    };
  },
};

/** Half of every embedding. */
const halved: Baseline = {
  name: 'halved',
  fill: ({ embeddings, rows, hiddenSize }, baseline) => {
    for (const token of rows) {
      for (let at = token * hiddenSize; at < (token + 1) * hiddenSize; at++)
        baseline[at] = embeddings[at]! / 2;
    }
  },
};

/** Cubes of the magnitudes. */
const cubed: Normalization = {
  name: 'cubed',
  weigh: (scores) => scores.map((score) => Math.abs(score) ** 3),
};

const input = { prompt: [[1], [1], [2]], completion: [1], blocks: ['P', 'R', 'I'] };
const model = linearModel([[2], [-1], [3]]); // F = 2 − 1 + 6 = 7

test('a method of your own works like one from the table', async () => {
  const result = await attribute(model, input, {
    method: positional,
    baseline: 'zero',
    custom: { factor: 2 },
  });
  expect(result.tokens.scores).toEqual([0, 14, 28]);
  expect(result.method).toMatchObject({ name: 'positional', settings: { custom: '{"factor":2}' } });
});

test('a baseline of your own halves the scores of a linear model', async () => {
  const result = await attribute(model, input, { baseline: halved });
  expect(result.tokens.scores).toEqual([1, -0.5, 3].map((value) => expect.closeTo(value, 12)));
  expect(result.baseline).toEqual({ text: 'halved', image: 'halved' });
});

test('a normalization of your own', async () => {
  const result = await attribute(model, input, { baseline: 'zero', normalize: cubed });
  const total = 8 + 1 + 216;
  expect(result.blocks.map(({ share }) => share)).toEqual(
    [8, 1, 216].map((value) => expect.closeTo(value / total, 12)),
  );
  expect(Object.keys(normalizations)).not.toContain('cubed');
});
