import { describe, expect, test } from 'vitest';
import { attribute } from '../../src/attribute.js';
import { AttributionError, type AttributionErrorCode } from '../../src/errors.js';
import type { AttributionInput } from '../../src/input.js';
import type { DifferentiableModel } from '../../src/model.js';
import type { AttributeOptions } from '../../src/options.js';
import { gameInput, gameModel } from '../models/game-model.js';
import { linearModel } from '../models/linear-model.js';

const model = linearModel([
  [1, 2],
  [3, 4],
  [5, 6],
]);
const input: AttributionInput<number[][]> = {
  prompt: [
    [1, 0],
    [0, 1],
    [1, 1],
  ],
  completion: [1, 2],
  blocks: ['P', 'R', 'R'],
};

async function refusal(
  options: AttributeOptions,
  changes: Partial<AttributionInput<number[][]>> = {},
  changed: Partial<DifferentiableModel<number[][]>> = {},
): Promise<AttributionError> {
  const error: unknown = await attribute(
    { ...model, ...changed },
    { ...input, ...changes },
    { baseline: 'zero', ...options },
  ).then(
    () => new Error('it did not refuse'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof AttributionError)) throw error;
  return error;
}

const withGradients = (
  change: (output: { logprobs: Float64Array; gradients: Float64Array }) => object,
): Partial<DifferentiableModel<number[][]>> => ({
  gradients: async (batch) => {
    const output = await model.gradients(batch);
    const copy = {
      logprobs: Float64Array.from(output.logprobs),
      gradients: Float64Array.from(output.gradients),
    };
    return change(copy) as typeof output;
  },
});

describe('arguments', () => {
  test.each<
    [string, AttributeOptions, Partial<AttributionInput<number[][]>>, AttributionErrorCode, RegExp]
  >([
    ['no completion tokens', {}, { completion: [] }, 'bad-input', /`completion` is empty/],
    [
      'a completion that is not ids',
      {},
      { completion: [1, -2] },
      'bad-input',
      /`completion\[1\]`.*got -2/,
    ],
    ['no prompt tokens', {}, { blocks: [], prompt: [] }, 'bad-input', /`blocks` is empty/],
    ['only tokens outside blocks', {}, { blocks: [null, null, null] }, 'bad-input', /only null/],
    ['texts of another length', {}, { tokens: ['a'] }, 'bad-input', /`tokens`.*expected 3, got 1/],
    ['modalities of another length', {}, { modalities: ['text'] }, 'bad-input', /`modalities`/],
    [
      'completion texts of another length',
      {},
      { completionTokens: [] },
      'bad-input',
      /`completionTokens`.*expected 2, got 0/,
    ],
    [
      'a picture outside the prompt',
      {},
      { images: [{ firstToken: 2, rows: 2, columns: 2 }] },
      'bad-input',
      /covers tokens 2 to 6/,
    ],
    [
      'blocks that do not match the embeddings',
      {},
      { blocks: ['P', 'R'] },
      'model-output',
      /expected one row a prompt token, 2.*got 3/,
    ],
    [
      'an unknown method',
      { method: 'magic' as 'shapley' },
      {},
      'unknown-name',
      /Unknown method "magic". Known: saliency/,
    ],
    [
      'an unknown baseline',
      { baseline: 'nothing' },
      {},
      'unknown-name',
      /Unknown baseline "nothing"/,
    ],
    [
      'a name that every object has',
      { baseline: 'constructor' },
      {},
      'unknown-name',
      /Unknown baseline "constructor"/,
    ],
    [
      'an unknown mask mode',
      { maskMode: 'drop' as 'remove' },
      {},
      'unknown-name',
      /Unknown mask mode/,
    ],
    [
      'an unknown span',
      { tokenWeights: 'verbs' as 'all' },
      { completionTokens: ['a', 'b'] },
      'unknown-name',
      /Unknown span/,
    ],
    [
      'spans without texts',
      { tokenWeights: 'toolName' },
      {},
      'bad-option',
      /need `completionTokens`/,
    ],
    [
      'token weights of another length',
      { tokenWeights: [1] },
      {},
      'bad-option',
      /expected 2, got 1/,
    ],
    [
      'token weights that leave nothing',
      { tokenWeights: [0, 0] },
      {},
      'bad-option',
      /nothing would be explained/,
    ],
    [
      'token weights that are no numbers',
      { tokenWeights: [1, Number.NaN] },
      {},
      'bad-option',
      /must be finite/,
    ],
    ['no steps', { steps: 0 }, {}, 'bad-option', /`steps` must be an integer of at least 1, got 0/],
    [
      'a trapezoid of one point',
      { steps: 1, quadrature: 'trapezoid' },
      {},
      'bad-option',
      /at least 2, got 1/,
    ],
    [
      'fewer steps at most than at first',
      { steps: 8, maximumSteps: 4 },
      {},
      'bad-option',
      /expected 8 or more, got 4/,
    ],
    ['a negative tolerance', { tolerance: -1 }, {}, 'bad-option', /`tolerance`/],
    ['a seed that is no integer', { seed: 0.5 }, {}, 'bad-option', /`seed`/],
    ['an excluded token that does not exist', { exclude: [9] }, {}, 'bad-option', /names token 9/],
    [
      'special tokens that are not marked',
      { exclude: 'special' },
      {},
      'bad-option',
      /`specialTokens`/,
    ],
    [
      'overlapping players',
      {
        method: 'shapley',
        players: [
          { name: 'a', tokens: [0, 1] },
          { name: 'b', tokens: [1] },
        ],
      },
      {},
      'overlapping-players',
      /Token 1 belongs to both "a" and "b"/,
    ],
    [
      'empty players',
      { method: 'shapley', players: [{ name: 'a', tokens: [] }] },
      {},
      'bad-input',
      /Player "a" has no tokens/,
    ],
    ['no players', { method: 'shapley', players: [] }, {}, 'bad-input', /`players` is empty/],
    [
      'a player outside the prompt',
      { method: 'shapley', players: [{ name: 'a', tokens: [3] }] },
      {},
      'bad-input',
      /names token 3/,
    ],
    [
      'masks of another length',
      { method: 'lime', masks: [[1]] },
      {},
      'bad-option',
      /`masks\[0\]`.*expected 2, got 1/,
    ],
    [
      'orders that are none',
      { method: 'shapleySampling', permutations: [[0, 0]] },
      {},
      'bad-option',
      /`permutations\[0\]`/,
    ],
    [
      'noise of another length',
      { method: 'smoothGrad', noise: [[1]] },
      {},
      'bad-option',
      /`noise\[0\]`.*= 6 numbers, got 1/,
    ],
    [
      'alphas outside the path',
      { method: 'gradientShap', alphas: [2] },
      {},
      'bad-option',
      /`alphas`/,
    ],
    [
      'a target that the model cannot score',
      { target: 'logit' },
      {},
      'unsupported',
      /reads the logit.*offers logprob/,
    ],
  ])('%s', async (_name, options, changes, code, message) => {
    const error = await refusal(options, changes);
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
  });

  test('17 players are too many to enumerate, and the error says what to do', async () => {
    const blocks = Array.from({ length: 17 }, (_, index) => `block ${index}`);
    const run = attribute(
      gameModel(() => 0),
      gameInput(blocks),
      { method: 'shapley' },
    );
    await expect(run).rejects.toThrow(/at most 16 players, got 17. Use a sampling method/);
  });
});

describe('models', () => {
  test.each([Number.NaN, Number.POSITIVE_INFINITY])(
    'a gradient of %s names the token',
    async (value) => {
      const broken = withGradients((output) => {
        output.gradients[3] = value;
        return output;
      });
      const error = await refusal({}, {}, broken);
      expect(error.code).toBe('non-finite');
      expect(error.message).toMatch(/gradient at point 0 is .* for prompt token 1, dimension 1/);
    },
  );

  test('embeddings that are not finite', async () => {
    const error = await refusal(
      {},
      {
        prompt: [
          [1, 0],
          [Number.NaN, 1],
          [1, 1],
        ],
      },
    );
    expect(error.message).toMatch(/prompt token 1 has NaN/);
  });

  test.each([
    [
      'log-probabilities',
      (output: { logprobs: Float64Array }) => ({ ...output, logprobs: output.logprobs.slice(1) }),
      /gradients\(\)\.logprobs`: expected \[N, T\] = \[8, 2\], 16 numbers; got 15/,
    ],
    [
      'gradients',
      (output: { gradients: Float64Array }) => ({
        ...output,
        gradients: output.gradients.slice(1),
      }),
      /expected \[N, P, H\] = \[8, 3, 2\]/,
    ],
    ['nothing', () => ({}), /got nothing/],
  ] as const)('%s of the wrong length', async (_name, change, message) => {
    const error = await refusal({}, {}, withGradients(change));
    expect(error.code).toBe('model-output');
    expect(error.message).toMatch(message);
  });

  test('a model that throws half-way keeps its own error as the cause', async () => {
    const cause = new Error('out of memory');
    let calls = 0;
    const failing: Partial<DifferentiableModel<number[][]>> = {
      gradients: (batch) => {
        calls++;
        if (calls > 2) throw cause;
        return model.gradients(batch);
      },
    };
    const error = await refusal({ maximumBatch: 1 }, {}, failing);
    expect(error.code).toBe('model-failed');
    expect(error.message).toBe('The model failed in `gradients`: out of memory');
    expect(error.cause).toBe(cause);
  });

  test('a black box that gives too few results', async () => {
    const short = { logprobs: () => [] };
    await expect(attribute(short, gameInput(['P', 'R']), { method: 'shapley' })).rejects.toThrow(
      /expected 4 results, one a sequence; got 0/,
    );
  });

  test('a method that the model cannot serve gives the reason and what it can serve', async () => {
    const run = attribute(
      gameModel(() => 0),
      gameInput(['P', 'R']),
      { method: 'integratedGradients' },
    );
    await expect(run).rejects.toThrow(
      /needs gradients with respect to the prompt embeddings, and the model lacks `embed` and `gradients`\. This model can serve: leaveOneOut, inclusion/,
    );
  });

  test('a model without vocabulary statistics refuses the default baseline and names others', async () => {
    await expect(attribute(model, input)).rejects.toThrow(
      /needs `model.embeddingStatistics`.*"blockMean" or "zero"/,
    );
  });
});

describe('probabilities at their limits', () => {
  const box = (value: (keep: Uint8Array) => number, completion = [1]) =>
    [gameModel(value), { ...gameInput(['P', 'R']), completion }] as const;

  test('log p = 0 everywhere: all scores are 0, flagged, and no number comes of it', async () => {
    const result = await attribute(...box(() => 0), { method: 'shapley' });
    expect(result.degenerate).toBe('all scores are 0');
    expect(result.completeness).toMatchObject({ delta: 0, relativeDelta: null, converged: true });
  });

  test('log p = −∞ names the coalition', async () => {
    const run = attribute(...box((keep) => (keep[1] === 0 ? Number.NEGATIVE_INFINITY : -1)), {
      method: 'leaveOneOut',
    });
    await expect(run).rejects.toMatchObject({
      code: 'non-finite',
      message: expect.stringMatching(/-Infinity at the coalition \{P\}.*probability 0/),
    });
  });

  test('log p = −∞ of a token that does not count is harmless', async () => {
    const outside = {
      logprobs: (sequences: readonly { prompt: Uint8Array }[]) =>
        sequences.map(({ prompt }) => [-(prompt[0] ?? 0), Number.NEGATIVE_INFINITY]),
    };
    const result = await attribute(
      outside,
      { ...gameInput(['P', 'R']), completion: [1, 2] },
      { method: 'shapley', tokenWeights: [1, 0] },
    );
    expect(result.players?.map(({ score }) => score)).toEqual([-1, 0]);
  });

  test('p = 1 has no logit', async () => {
    const run = attribute(...box((keep) => (keep[0] === 1 ? 0 : -1)), {
      method: 'shapley',
      target: 'logitProbability',
    });
    await expect(run).rejects.toMatchObject({ code: 'non-finite' });
    await expect(attribute(...box(() => 0), { method: 'contextCite' })).rejects.toMatchObject({
      code: 'non-finite',
    });
  });
});

describe('blocks', () => {
  test('a block without tokens has no score and no share', async () => {
    const result = await attribute(
      model,
      { ...input, blockNames: ['P', 'R', 'I', 'T'] },
      { baseline: 'zero' },
    );
    expect(result.blocks.slice(2)).toEqual([
      { name: 'I', tokens: 0, score: null, share: null },
      { name: 'T', tokens: 0, score: null, share: null },
    ]);
    expect(result.degenerate).toBeNull();
  });

  test('a single block is flagged: its share is 1 whatever happens', async () => {
    const result = await attribute(
      model,
      { ...input, blocks: ['P', 'P', 'P'] },
      { baseline: 'zero' },
    );
    expect(result.blocks[0]?.share).toBe(1);
    expect(result.degenerate).toMatch(/one block only/);
  });

  test('100,000 tokens are explained', async () => {
    const count = 100_000;
    const long = linearModel(Array.from({ length: count }, (_, token) => [token % 7]));
    const result = await attribute(
      long,
      {
        prompt: Array.from({ length: count }, () => [1]),
        completion: [1],
        blocks: Array.from({ length: count }, (_, token) => (token < 50 ? 'R' : 'P')),
      },
      { baseline: 'zero', steps: 2 },
    );
    expect(result.tokens.scores).toHaveLength(count);
    expect(result.tokens.scores[6]).toBeCloseTo(6, 10);
  });
});

describe('cancelling', () => {
  test('stops before the first call', async () => {
    const signal = AbortSignal.abort();
    await expect(attribute(model, input, { baseline: 'zero', signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
  });

  test('stops between two batches and hands the signal to the model', async () => {
    const controller = new AbortController();
    let calls = 0;
    const counting: DifferentiableModel<number[][]> = {
      ...model,
      gradients: (batch) => {
        expect(batch.signal).toBe(controller.signal);
        calls++;
        if (calls === 3) controller.abort();
        return model.gradients(batch);
      },
    };
    const run = attribute(counting, input, {
      baseline: 'zero',
      maximumBatch: 1,
      signal: controller.signal,
    });
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
    expect(calls).toBe(3);
  });

  test('leaves a model that does not listen', async () => {
    const controller = new AbortController();
    const deaf: DifferentiableModel<number[][]> = {
      ...model,
      gradients: () => {
        setTimeout(() => controller.abort(), 1);
        return new Promise(() => {});
      },
    };
    const run = attribute(deaf, input, { baseline: 'zero', signal: controller.signal });
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
  });
});
