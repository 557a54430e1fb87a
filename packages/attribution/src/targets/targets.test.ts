import { describe, expect, test } from 'vitest';
import { expectClose } from '../../test/close.js';
import { type DecoderWeights, decoderModel } from '../../test/models/decoder-model.js';
import { cases, get } from '../../test/reference/cases.js';
import { attribute } from '../attribute.js';
import type { AttributeOptions } from '../options.js';
import { prepareCoalitions } from '../prepare-coalitions.js';
import type { Target } from './target.js';
import { contrastive, targets } from './targets.js';

const { weights, config } = get<{
  weights: DecoderWeights;
  config: { n_heads: number; eps: number; target: number[] };
}>(cases, 'B_decoder_blocks', 'student');
const model = decoderModel(weights, { heads: config.n_heads, epsilon: config.eps });
const blocks = ['P', 'P', 'R', 'I', 'I', 'T', 'T'];
const input = { prompt: weights.X, completion: config.target, blocks };

const valueAt = async (prompt: number[][], options: AttributeOptions): Promise<number> => {
  const game = await prepareCoalitions(
    model,
    { ...input, prompt },
    { ...options, maskMode: 'remove' },
  );
  return (await game.values([new Uint8Array(4).fill(1)]))[0] ?? Number.NaN;
};

describe.each<[string, Target]>([
  ...Object.entries(targets),
  ['contrastive', contrastive([1, 0], { weights: [1, 0.5] })],
])('%s', (_name, target) => {
  test('has the gradient of its value (central differences, h = 1e-5, 1e-7)', async () => {
    const options = { target, tokenWeights: [1, 0.5, 0] };
    const result = await attribute(model, input, {
      ...options,
      method: 'saliency',
      absolute: false,
      keepDimensions: true,
    });
    for (const [token, dimension] of [
      [0, 0],
      [3, 2],
      [6, 3],
    ] as const) {
      const shifted = (h: number): number[][] =>
        weights.X.map((row, i) =>
          row.map((value, j) => (i === token && j === dimension ? value + h : value)),
        );
      const slope =
        ((await valueAt(shifted(1e-5), options)) - (await valueAt(shifted(-1e-5), options))) / 2e-5;
      expectClose(
        result.dimensions?.[token * 4 + dimension],
        slope,
        `∂F/∂x[${token},${dimension}]`,
        1e-7,
      );
    }
  });

  test('is explained completely by integrated gradients', async () => {
    const { completeness } = await attribute(model, input, { target, steps: 64 });
    expectClose(completeness?.delta, 0, 'delta', 1e-8);
  });
});

test('probability and logit-probability are those of the whole call', async () => {
  const s = await valueAt(weights.X, {});
  expectClose(await valueAt(weights.X, { target: 'probability' }), Math.exp(s), 'p', 1e-12);
  expectClose(
    await valueAt(weights.X, { target: 'logitProbability' }),
    Math.log(Math.exp(s) / (1 - Math.exp(s))),
    'logit p',
    1e-9,
  );
});

test('a contrastive target is the difference of two calls, also per target token', async () => {
  const other = [1, 0];
  const options = { baseline: 'zero', method: 'inputXGradient' } as const;
  const both = await attribute(model, input, {
    ...options,
    target: contrastive(other),
    perTarget: true,
  });
  const call = await attribute(model, input, options);
  const contrast = await attribute(model, { ...input, completion: other }, options);
  const difference = call.tokens.scores.map(
    (score, token) => score - contrast.tokens.scores[token]!,
  );
  expectClose(both.tokens.scores, difference, 'scores');
  const rows = both.perTarget?.tokens ?? [];
  expect(rows).toHaveLength(5);
  expectClose(
    blocks.map((_, token) => rows.reduce((sum, row) => sum + (row?.[token] ?? 0), 0)),
    difference,
    'sum of rows',
  );
});

test('the contrast of a call with itself is 0 and flagged', async () => {
  const result = await attribute(model, input, {
    target: contrastive(config.target),
    method: 'shapley',
  });
  expect(result.degenerate).toBe('all scores are 0');
});

test('attention methods refuse targets that they do not read', async () => {
  const run = attribute(model, input, { method: 'attentionRollout', target: 'probability' });
  await expect(run).rejects.toThrow(/cannot serve the target "probability"/);
});
