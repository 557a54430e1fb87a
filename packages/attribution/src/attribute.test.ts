import { describe, expect, test } from 'vitest';
import { expectClose } from '../test/close.js';
import { type DecoderWeights, decoderModel } from '../test/models/decoder-model.js';
import { linearModel } from '../test/models/linear-model.js';
import { cases, get } from '../test/reference/cases.js';
import { attribute } from './attribute.js';
import { listMethods } from './capabilities.js';
import { estimateCost } from './estimate-cost.js';
import type { AttributionProgress } from './meter.js';
import { type AttributionMethodName, attributionMethods } from './methods/index.js';

const { weights, config } = get<{
  weights: DecoderWeights;
  config: { n_heads: number; eps: number; target: number[] };
}>(cases, 'B_decoder_blocks', 'student');
const decoder = decoderModel(weights, { heads: config.n_heads, epsilon: config.eps });
const prompt = {
  prompt: weights.X,
  completion: config.target,
  blocks: ['P', 'P', 'R', 'I', 'I', 'T', 'T'],
};
const linear = linearModel([[2], [-1], [3]]);
const three = { prompt: [[1], [1], [1]], completion: [7, 8], blocks: ['P', 'R', 'R'] };

describe('attribute', () => {
  test('explains a linear model by its coefficients times the distance from the baseline', async () => {
    // F = 2 x₁ − x₂ + 3 x₃ at (1, 1, 1) from 0: credits 2, −1, 3.
    const result = await attribute(linear, three, { baseline: 'zero' });
    expectClose(result.tokens.scores, [2, -1, 3], 'tokens', 1e-12);
    expectClose(
      result.blocks.map(({ score }) => score),
      [2, 2],
      'blocks',
      1e-12,
    );
    expectClose(
      result.blocks.map(({ share }) => share),
      [0.5, 0.5],
      'shares',
      1e-12,
    );
    expect(result.completeness).toMatchObject({
      targetAtInput: 4,
      targetAtBaseline: 0,
      converged: true,
    });
    expect(result.steps).toBe(8);
  });

  test('keeps what is needed to repeat it', async () => {
    const result = await attribute(
      linear,
      { ...three, id: 'sample 3' },
      { baseline: 'zero', steps: 5, samples: 9, seed: 4 },
    );
    expect(result).toMatchObject({
      format: 'iapo-attribution',
      version: 1,
      id: 'sample 3',
      model: { id: 'linear', dtype: 'float64' },
      method: {
        name: 'integratedGradients',
        settings: { steps: 5, maximumSteps: 5, quadrature: 'gaussLegendre' },
        unusedSettings: ['samples'],
      },
      target: {
        name: 'logProbability',
        span: 'all',
        completion: [7, 8],
        tokenWeights: [1, 1],
        contrast: null,
      },
      baseline: { text: 'zero', image: 'zero' },
      reduce: 'sum>sum',
      normalize: { name: 'abs', parameters: {} },
      seed: 4,
    });
  });

  test('token weights scale what a linear model gets', async () => {
    const half = await attribute(linear, three, { baseline: 'zero', tokenWeights: [1, 0] });
    expectClose(half.tokens.scores, [1, -0.5, 1.5], 'tokens', 1e-12);
  });

  test('leaves excluded tokens out of the blocks and reports their share', async () => {
    const input = { ...three, specialTokens: [false, true, false] };
    const result = await attribute(linear, input, { baseline: 'zero', exclude: 'special' });
    expectClose(
      result.blocks.map(({ score }) => score),
      [2, 3],
      'blocks',
      1e-12,
    );
    expect(result.excluded).toEqual({ tokens: [1], share: expect.closeTo(1 / 6, 12) });
  });

  test('blocks can be given anew', async () => {
    const result = await attribute(linear, three, { baseline: 'zero', blocks: ['x', null, 'y'] });
    expect(result.blocks.map(({ name, score }) => [name, score])).toEqual([
      ['x', expect.closeTo(2, 12)],
      ['y', expect.closeTo(3, 12)],
    ]);
  });

  test('explains float32 embeddings as float32', async () => {
    const single = {
      ...linear,
      embed: () => ({ embeddings: Float32Array.of(1, 1, 1), tokens: 3, hiddenSize: 1 }),
    };
    const result = await attribute(single, three, { baseline: 'zero' });
    expect(result.model.dtype).toBe('float32');
    expectClose(result.tokens.scores, [2, -1, 3], 'tokens', 1e-6);
  });

  test.each([
    'integratedGradients',
    'shapley',
    'attentionXGradient',
    'sequentialIntegratedGradients',
  ] as const)(
    'rows of %s for single targets add up to the whole where the method is linear',
    async (method) => {
      const result = await attribute(decoder, prompt, { method, perTarget: true, steps: 8 });
      const rows = result.perTarget?.tokens ?? [];
      expect(rows).toHaveLength(3);
      expect(result.perTarget?.blocks).toHaveLength(3);
      // Attention methods average over targets, and relu makes them nonlinear.
      if (method !== 'attentionXGradient') {
        const sums = prompt.blocks.map((_, token) =>
          rows.reduce((sum, row) => sum + (row?.[token] ?? Number.NaN), 0),
        );
        expectClose(sums, result.tokens.scores, method, 1e-9);
      }
    },
  );

  test('targets of weight 0 have no row', async () => {
    const result = await attribute(decoder, prompt, {
      method: 'inputXGradient',
      perTarget: true,
      tokenWeights: [0, 1, 1],
    });
    expect(result.perTarget?.tokens[0]).toBeNull();
    expect(result.perTarget?.tokens[1]).toHaveLength(7);
  });

  test('one pass over the sum: 16 points cost 16 forwards and backwards in one call, whatever the length of the call', async () => {
    let calls = 0;
    const counting = {
      ...decoder,
      gradients: (batch: Parameters<typeof decoder.gradients>[0]) => {
        calls++;
        expect(batch.count).toBe(16);
        return decoder.gradients(batch);
      },
    };
    const { cost } = await attribute(
      counting,
      { ...prompt, completion: [1, 2, 3, 4, 5, 6, 7, 0] },
      { steps: 16 },
    );
    expect(calls).toBe(1);
    expect(cost).toMatchObject({ forwards: 18, backwards: 16, calls: 2 });
  });
});

describe('cost', () => {
  const methods = Object.keys(attributionMethods) as AttributionMethodName[];
  test.each(methods)(
    'of %s is at most what was estimated before, and not far below',
    async (method) => {
      const options = { method, steps: 4, samples: method === 'kernelShap' ? 2048 : 6 };
      const estimate = estimateCost(decoder, prompt, options);
      const { cost } = await attribute(decoder, prompt, options);
      expect(cost.forwards).toBeLessThanOrEqual(estimate.forwards);
      expect(cost.backwards).toBeLessThanOrEqual(estimate.backwards);
      expect(cost.forwards).toBeGreaterThanOrEqual(Math.min(estimate.forwards, 2) / 2);
    },
  );

  test('progress counts up to the estimate and predicts the time left', async () => {
    const seen: AttributionProgress[] = [];
    let now = 0;
    const clock = (): number => {
      now += 1000;
      return now;
    };
    await attribute(decoder, prompt, {
      steps: 4,
      maximumBatch: 1,
      clock,
      onProgress: (progress) => seen.push(progress),
    });
    expect(seen.map(({ forwardsDone }) => forwardsDone)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(seen[1]).toMatchObject({ forwardsTotal: 6, elapsedSeconds: 2, remainingSeconds: 4 });
    expect(seen.at(-1)?.remainingSeconds).toBe(0);
  });
});

test('listMethods says for each method why it is refused', () => {
  const refused = listMethods(linear, three).filter(({ refusal }) => refusal !== null);
  expect(refused.map(({ name, refusal }) => `${name}: ${refusal}`)).toEqual([
    'attentionRollout: it needs attention weights, and the model lacks `attention`',
    'attentionXGradient: it needs attention weights, and the model lacks `attention`',
    'valueZeroing: it needs hidden states with the values of one position at zero, and the model lacks `layerOutputs` and `layerCount`',
  ]);
  expect(listMethods(decoder, prompt).every(({ refusal }) => refusal === null)).toBe(true);
  expect(
    listMethods(linear, three, 'remove').find(({ name }) => name === 'shapley')?.refusal,
  ).toMatch(/`maskModes` does not list "remove"/);
});
