import { describe, expect, test } from 'vitest';
import { expectClose } from '../../test/close.js';
import { gameInput, gameModel } from '../../test/models/game-model.js';
import { quadraticModel } from '../../test/models/quadratic-model.js';
import { attribute } from '../attribute.js';
import { faithfulness } from '../faithfulness/index.js';
import type { AttributionMethodName } from '../methods/index.js';
import type { AttributionModel } from '../model.js';
import { prepareCoalitions } from '../prepare-coalitions.js';

const model = quadraticModel({
  a: [
    [0, 1, 0, 2],
    [1, 0, 1, 0],
    [0, 1, 0, 1],
    [2, 0, 1, 0],
  ],
  b: [1, 2, 3, 4],
});
const input = { prompt: [[1], [2], [1], [-1]], completion: [1], blocks: ['P', 'R', 'I', 'T'] };

describe('one table of coalitions', () => {
  test('serves every method and metric with 16 forwards for four blocks', async () => {
    const coalitions = await prepareCoalitions(model, input, { baseline: 'zero' });
    const methods: AttributionMethodName[] = [
      'leaveOneOut',
      'inclusion',
      'occlusion',
      'shapley',
      'shapleySampling',
      'banzhaf',
      'owen',
      'kernelShap',
      'lime',
    ];
    let forwards = 0;
    for (const method of methods) {
      forwards += (await attribute(model, input, { method, baseline: 'zero', coalitions })).cost
        .forwards;
    }
    expect(forwards).toBe(16);
    await faithfulness.comprehensiveness(coalitions, [4, 3, 2, 1]);
    await faithfulness.sufficiency(coalitions, [4, 3, 2, 1]);
    await faithfulness.insertion(coalitions, [4, 3, 2, 1]);
    await faithfulness.linearDatamodelingScore(coalitions, [4, 3, 2, 1]);
    expect(coalitions.size).toBe(16);
  });

  test('refuses options that it was not prepared for', async () => {
    const coalitions = await prepareCoalitions(model, input, { baseline: 'zero' });
    const explain = (changes: object): Promise<unknown> =>
      attribute(model, input, { method: 'shapley', baseline: 'zero', coalitions, ...changes });
    await expect(explain({ baseline: 'blockMean' })).rejects.toThrow(
      /prepared for another baseline/,
    );
    await expect(
      attribute(
        model,
        { ...input, completion: [2] },
        { method: 'shapley', baseline: 'zero', coalitions },
      ),
    ).rejects.toThrow(/another completions/);
    await expect(
      attribute(quadraticModel({ a: [], b: [1, 1, 1, 1] }), input, {
        method: 'shapley',
        baseline: 'zero',
        coalitions,
      }),
    ).rejects.toThrow(/another model/);
  });

  test('is read under another link without new forwards', async () => {
    const coalitions = await prepareCoalitions(model, input, { baseline: 'zero' });
    const log = await attribute(model, input, {
      method: 'leaveOneOut',
      baseline: 'zero',
      coalitions,
    });
    const plain = await attribute(model, input, {
      method: 'leaveOneOut',
      baseline: 'zero',
      target: 'probability',
      coalitions,
    });
    expect(log.cost.forwards).toBe(5);
    expect(plain.cost.forwards).toBe(0);
    const value = (await coalitions.values([new Uint8Array(4).fill(1)]))[0] ?? 0;
    expectClose(
      plain.players?.[0]?.score,
      Math.exp(value) - Math.exp(value - (log.players?.[0]?.score ?? 0)),
      'probability',
      1e-9,
    );
  });
});

describe('models that see prompts only', () => {
  const texts = ['You are kind. ', 'Which bar? ', '[image] ', 'tools: zoom'];
  /** Counts letters: each kept letter is worth −0.01. */
  const box: AttributionModel<string> = {
    id: 'box',
    maximumBatch: 5,
    logprobs: (sequences) => {
      expect(sequences.length).toBeLessThanOrEqual(5);
      return sequences.map(({ prompt, completion }) => ({
        logprobs: completion.map(() => -prompt.length / 100),
      }));
    },
  };
  const text = {
    prompt: texts.join(''),
    completion: [5, 6],
    blocks: ['P', 'R', 'I', 'T'],
    maskPrompt: (keep: Uint8Array) => texts.filter((_, token) => keep[token] === 1).join(''),
  };

  test('are explained by removal, in batches, and the result says so', async () => {
    const result = await attribute(box, text, { method: 'shapley' });
    expectClose(
      result.players?.map(({ score }) => score),
      texts.map((part) => -part.length / 50),
      'shapley',
      1e-12,
    );
    expect(result).toMatchObject({
      maskMode: 'prompt',
      baseline: null,
      cost: { forwards: 16, calls: 4, backwards: 0 },
    });
  });

  test('need `maskPrompt`', async () => {
    const { maskPrompt: _, ...bare } = text;
    await expect(attribute(box, bare, { method: 'shapley' })).rejects.toThrow(
      /the input has no `maskPrompt`/,
    );
  });

  test('read the completion only once for the whole prompt', async () => {
    const prompts: Uint8Array[] = [];
    const counting = gameModel((keep) => {
      prompts.push(keep);
      return 0;
    });
    await attribute(counting, gameInput(['P', 'R']), { method: 'leaveOneOut' });
    expect(prompts).toHaveLength(3);
  });
});

describe('sampling', () => {
  const players = 12;
  const blocks = Array.from({ length: players }, (_, index) => `block ${index}`);
  // Pairs of neighbors interact; exact values follow from halving each interaction.
  const value = (keep: Uint8Array): number =>
    keep.reduce(
      (sum, present, i) =>
        sum +
        present * (i + 1) +
        present * (keep[i + 1] ?? 0) * ((i % 3) - 1) +
        present * (keep[i + 1] ?? 0) * (keep[i + 2] ?? 0),
      0,
    );
  const explain = async (options: object) =>
    attribute(gameModel(value), gameInput(blocks), options);

  test('shapleySampling is within four of its standard errors, and they shrink', async () => {
    const exact = (await explain({ method: 'shapley' })).players ?? [];
    const few = (await explain({ method: 'shapleySampling', samples: 40, seed: 3 })).players ?? [];
    const many =
      (await explain({ method: 'shapleySampling', samples: 640, seed: 3 })).players ?? [];
    for (const [index, { score, standardError }] of many.entries()) {
      expect(Math.abs(score - (exact[index]?.score ?? Number.NaN))).toBeLessThan(
        4 * (standardError ?? 0) + 1e-9,
      );
    }
    const width = (list: typeof many): number =>
      list.reduce((sum, { standardError }) => sum + (standardError ?? Number.NaN), 0);
    // 16 times the orders, a quarter of the error, give or take a third.
    expect(width(few) / width(many)).toBeGreaterThan(3);
    expect(width(few) / width(many)).toBeLessThan(5.3);
  });

  test('one order has no standard error', async () => {
    const single = await explain({ method: 'shapleySampling', samples: 1 });
    expect(single.players?.every(({ standardError }) => standardError === null)).toBe(true);
  });

  test('kernelShap on a sample comes near the exact values and adds up', async () => {
    const exact = (await explain({ method: 'shapley' })).players?.map(({ score }) => score) ?? [];
    const sampled = await explain({ method: 'kernelShap', samples: 800, seed: 2 });
    const errors = exact.map(
      (score, index) => score - (sampled.players?.[index]?.score ?? Number.NaN),
    );
    // 800 of 4094 coalitions: an error of 2 % of the scores.
    expect(Math.hypot(...errors)).toBeLessThan(0.02 * Math.hypot(...exact));
    expectClose(sampled.completeness?.delta, 0, 'delta', 1e-9);
  });

  test('sampled Owen values agree with exact ones within four standard errors', async () => {
    const grouped = blocks.map((name, index) => ({
      name,
      tokens: [index],
      group: `group ${index % 3}`,
    }));
    const exact = await explain({ method: 'owen', players: grouped });
    const sampled = await explain({ method: 'owen', players: grouped, samples: 400 });
    for (const [index, { score, standardError }] of (sampled.players ?? []).entries()) {
      expect(Math.abs(score - (exact.players?.[index]?.score ?? Number.NaN))).toBeLessThan(
        4 * (standardError ?? 0) + 1e-9,
      );
    }
  });

  test('occlusion with a window averages over the windows that cover a player', async () => {
    const sum = (keep: Uint8Array): number =>
      keep.reduce((total, present, i) => total + present * (i + 1), 0);
    const result = await attribute(gameModel(sum), gameInput(['a', 'b', 'c', 'd']), {
      method: 'occlusion',
      window: 2,
      stride: 2,
    });
    // Windows {a, b} = 3 and {c, d} = 7.
    expect(result.players?.map(({ score }) => score)).toEqual([3, 3, 7, 7]);
    const sliding = await attribute(gameModel(sum), gameInput(['a', 'b', 'c', 'd']), {
      method: 'occlusion',
      window: 2,
    });
    // {a, b} = 3, {b, c} = 5, {c, d} = 7.
    expect(sliding.players?.map(({ score }) => score)).toEqual([3, 4, 6, 7]);
  });
});
