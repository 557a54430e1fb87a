import { describe, expect, test } from 'vitest';
import { expectClose } from '../../test/close.js';
import { type ClassifierWeights, classifierModel } from '../../test/models/classifier-model.js';
import { linearModel } from '../../test/models/linear-model.js';
import { cases, get } from '../../test/reference/cases.js';
import { attribute } from '../attribute.js';
import { prepareCoalitions } from '../prepare-coalitions.js';
import { createRandom } from '../random.js';
import { faithfulness } from './index.js';

const linear = linearModel([[2], [-1], [3]]);
const three = { prompt: [[1], [1], [1]], completion: [7], blocks: ['P', 'R', 'I'] };

describe('on a linear model', () => {
  test('true coefficients have infidelity 0, others the mean square of what they miss', async () => {
    expectClose(
      await faithfulness.infidelity(linear, three, { attributions: [2, -1, 3] }),
      0,
      'true',
      1e-20,
    );
    // Off by 1 in the first entry: (p₁)² averaged.
    const noise = [
      [0.1, 0, 0],
      [0.3, 1, 1],
    ];
    expectClose(
      await faithfulness.infidelity(linear, three, { attributions: [3, -1, 3], noise }),
      (0.01 + 0.09) / 2,
      'off',
      1e-12,
    );
  });
  test('rescaling forgives a constant factor', async () => {
    expectClose(
      await faithfulness.infidelity(linear, three, { attributions: [20, -10, 30], rescale: true }),
      0,
      'scaled',
      1e-20,
    );
  });
  test('gradients do not move at all', async () => {
    const { maximum } = await faithfulness.maximumSensitivity(linear, three, {
      method: 'saliency',
    });
    expect(maximum).toBe(0);
  });
  test('subsets of given sizes', async () => {
    const game = await prepareCoalitions(linear, three, { baseline: 'zero' });
    // Highest first: I (3), P (2), R (−1).
    expect(await faithfulness.comprehensiveness(game, [2, -1, 3], { sizes: [1, 2] })).toEqual({
      sizes: [1, 2],
      values: [3, 5],
      mean: 4,
    });
    expect((await faithfulness.sufficiency(game, [2, -1, 3], { sizes: [0] })).values).toEqual([4]);
    await expect(async () =>
      faithfulness.sufficiency(game, [2, -1, 3], { sizes: [4] }),
    ).rejects.toThrow(/from 0 to 3, got 4/);
    await expect(async () => faithfulness.insertion(game, [1, 2])).rejects.toThrow(/expected 3/);
  });
  test('a datamodeling score is null where nothing varies', async () => {
    const flat = await prepareCoalitions(linearModel([[0], [0], [0]]), three, { baseline: 'zero' });
    expect(await faithfulness.linearDatamodelingScore(flat, [1, 2, 3])).toMatchObject({
      spearman: null,
      pearson: null,
      coalitions: 6,
    });
  });
  test('a sensitivity relative to nothing is refused', async () => {
    const run = faithfulness.maximumSensitivity(linearModel([[0], [0], [0]]), three, {
      method: 'saliency',
    });
    await expect(run).rejects.toThrow(/0\/0/);
  });
});

describe('agreement', () => {
  test('of a result with itself is 1', async () => {
    const result = await attribute(linear, three, { baseline: 'zero' });
    expect(faithfulness.agreement(result, result)).toEqual({
      tokens: 1,
      blocks: 1,
      topTokens: 1,
      topCount: 1,
    });
  });
  test('counts common top tokens and correlates ranks', async () => {
    const one = await attribute(linear, three, { baseline: 'zero' }); // 2, −1, 3
    const other = await attribute(linearModel([[3], [1], [-2]]), three, { baseline: 'zero' });
    // Ranks (2, 1, 3) and (3, 2, 1): ρ = 1 − 6 · 6 / 24.
    const { tokens, topTokens } = faithfulness.agreement(one, other, { top: 2 });
    expectClose(tokens, -0.5, 'ρ', 1e-12);
    expect(topTokens).toBe(1);
    expect(() => faithfulness.agreement(one, other, { top: 9 })).toThrow(/from 1 to 3, got 9/);
  });
  test('needs one prompt', async () => {
    const one = await attribute(linear, three, { baseline: 'zero' });
    const short = await attribute(
      linearModel([[1]]),
      { prompt: [[1]], completion: [1], blocks: ['P'] },
      { baseline: 'zero' },
    );
    expect(() => faithfulness.agreement(one, short)).toThrow(/3 and 1 tokens/);
  });
});

test('weight randomization: explanations of randomized models lose the rank correlation', async () => {
  const caseA = get<Record<string, unknown>>(cases, 'A_attention_mlp_classifier');
  const weights = get<ClassifierWeights>(caseA, 'weights');
  const random = createRandom(11);
  const shuffle = (rows: number[][]): number[][] =>
    rows.map((row) => row.map(() => random.normal()));
  const trained = classifierModel(weights, 'tanh');
  const randomized = Array.from({ length: 8 }, () =>
    classifierModel(
      {
        ...weights,
        Wq: shuffle(weights.Wq),
        Wk: shuffle(weights.Wk),
        Wv: shuffle(weights.Wv),
        W1: shuffle(weights.W1),
        W2: shuffle(weights.W2),
      },
      'tanh',
    ),
  );
  const prompt = Array.from({ length: 24 }, (_, token) => [
    Math.sin(token),
    Math.cos(3 * token),
    Math.sin(5 * token + 1),
  ]);
  const input = {
    prompt,
    completion: [1],
    blocks: prompt.map((_, token) => (token < 12 ? 'P' : 'R')),
  };
  const options = { baseline: 'zero', steps: 16 } as const;
  const [same, ...others] = await faithfulness.weightRandomization(
    trained,
    [trained, ...randomized],
    input,
    options,
  );
  expect(same?.tokens).toBe(1);
  const mean =
    others.reduce((sum, { tokens }) => sum + Math.abs(tokens ?? Number.NaN), 0) / others.length;
  expect(mean).toBeLessThan(0.7);
});
