import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { attribute } from '../../src/attribute.js';
import { type AttributionMethodName, attributionMethods } from '../../src/methods/index.js';
import type { AttributeOptions } from '../../src/options.js';
import { expectClose } from '../close.js';
import { gameInput, gameModel } from '../models/game-model.js';
import { smoothModel } from '../models/smooth-model.js';

const number = fc.double({ min: -2, max: 2, noNaN: true });
const vector = (length: number): fc.Arbitrary<number[]> =>
  fc.array(number, { minLength: length, maxLength: length });

/** f(x) = Σ_i w_i tanh(x · v_i): smooth, with interactions of every order. */
interface Net {
  readonly w: number[];
  readonly v: number[][];
}
const net = (inputs: number): fc.Arbitrary<Net> =>
  fc.record({ w: vector(3), v: fc.array(vector(inputs), { minLength: 3, maxLength: 3 }) });
const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const evaluate = ({ w, v }: Net, x: readonly number[]): number =>
  dot(
    w,
    v.map((row) => Math.tanh(dot(row, x))),
  );
const slope = ({ w, v }: Net, x: readonly number[]): number[] =>
  x.map((_, at) =>
    dot(
      w,
      v.map((row) => (1 - Math.tanh(dot(row, x)) ** 2) * row[at]!),
    ),
  );
const model = (weights: Net): ReturnType<typeof smoothModel> =>
  smoothModel(
    (x) => evaluate(weights, x),
    (x) => slope(weights, x),
  );

const blocks = ['P', 'R', 'I', 'T'];
const input = (x: readonly number[]) => ({
  prompt: x.map((value) => [value]),
  completion: [1, 2],
  blocks,
});
const runs = { numRuns: 40, seed: 20260611 };

const scores = async (
  weights: Net,
  x: readonly number[],
  options: AttributeOptions,
): Promise<readonly number[]> =>
  (await attribute(model(weights), input(x), { baseline: 'zero', ...options })).tokens.scores;

const named = (keep: (name: AttributionMethodName) => boolean): AttributionMethodName[] =>
  (Object.keys(attributionMethods) as AttributionMethodName[]).filter(
    (name) => attributionMethods[name].family !== 'attention' && keep(name),
  );

describe('completeness: scores add up to F(x) − F(x′)', () => {
  test.each(named((name) => attributionMethods[name].completeness === 'exact'))(
    '%s, at any number of steps or samples',
    async (method) => {
      await fc.assert(
        fc.asyncProperty(
          net(4),
          vector(4),
          fc.integer({ min: 1, max: 6 }),
          async (weights, x, steps) => {
            // A gradient that is 0 along a piece of the path has no direction for IDGI.
            fc.pre(
              weights.w.some((value) => Math.abs(value) > 0.1) &&
                slope(weights, x).some((value) => Math.abs(value) > 1e-3),
            );
            const { completeness } = await attribute(model(weights), input(x), {
              method,
              baseline: 'zero',
              steps,
              samples: method === 'kernelShap' ? 2048 : 2 * steps,
            });
            expectClose(completeness?.delta, 0, method, 1e-9);
          },
        ),
        runs,
      );
    },
  );

  test('integratedGradients, in the limit: the delta falls below 1e-8 with 128 points', async () => {
    await fc.assert(
      fc.asyncProperty(net(4), vector(4), async (weights, x) => {
        const { completeness } = await attribute(model(weights), input(x), {
          baseline: 'zero',
          steps: 128,
        });
        expectClose(completeness?.delta, 0, 'delta', 1e-8);
      }),
      runs,
    );
  });

  test('guidedIntegratedGradients, in the limit: four times the steps, a quarter of the delta', async () => {
    // Left end points: the error is O(1/n).
    const weights: Net = {
      w: [1, -0.5, 0.8],
      v: [
        [0.5, 1, -0.3, 0.2],
        [0.1, -0.6, 0.9, 0.4],
        [-0.7, 0.2, 0.3, 0.8],
      ],
    };
    const delta = async (steps: number): Promise<number> => {
      const result = await attribute(model(weights), input([1, -1.5, 0.7, 1.2]), {
        method: 'guidedIntegratedGradients',
        baseline: 'zero',
        steps,
      });
      return Math.abs(result.completeness?.delta ?? Number.NaN);
    };
    expect((await delta(100)) / (await delta(400))).toBeGreaterThan(3);
  });
});

describe('dummy: a token that F does not read gets 0', () => {
  test.each(named(() => true))('%s', async (method) => {
    await fc.assert(
      fc.asyncProperty(net(4), vector(4), async (weights, x) => {
        const blind: Net = {
          w: weights.w,
          v: weights.v.map((row) => row.map((value, at) => (at === 2 ? 0 : value))),
        };
        const shifted = smoothModel(
          (at) => evaluate(blind, at) - 20,
          (at) => slope(blind, at),
        );
        const masks = Array.from({ length: 16 }, (_, bits) =>
          [3, 2, 1, 0].map((bit) => (bits >> bit) & 1),
        );
        // Regressions on a sample give a dummy what its presence happens to be correlated with; on all coalitions, 0.
        const fixed =
          method === 'lime' || method === 'contextCite'
            ? { masks, penalty: 0, kernelWidth: 1e8 }
            : {};
        const result = await attribute(shifted, input(x), {
          method,
          baseline: 'zero',
          steps: 5,
          samples: 4,
          ...(method === 'kernelShap' ? { samples: 2048 } : {}),
          ...fixed,
        });
        expectClose(result.tokens.scores[2], 0, method, 1e-9);
      }),
      { ...runs, numRuns: 15 },
    );
  });
});

describe('symmetry: tokens that F treats alike get the same score', () => {
  const randomized = [
    'smoothGrad',
    'smoothGradSquared',
    'varGrad',
    'shapleySampling',
    'lime',
    'contextCite',
  ];
  // Guided paths break ties between equal gradients by rounding, and move such coordinates together or not at all.
  test.each(named((name) => !randomized.includes(name)))('%s', async (method) => {
    await fc.assert(
      fc.asyncProperty(net(4), vector(4), async (weights, x) => {
        const even: Net = {
          w: weights.w,
          v: weights.v.map((row) => [row[0]!, row[0]!, row[2]!, row[3]!]),
        };
        const result = await scores(even, [x[0]!, x[0]!, x[2]!, x[3]!], { method, steps: 5 });
        expectClose(result[1], result[0], method, 1e-9);
      }),
      { ...runs, numRuns: 15 },
    );
  });
});

describe('linearity: scores of αF + βG are α and β times those of F and G', () => {
  const linear: AttributionMethodName[] = [
    'inputXGradient',
    'integratedGradients',
    'sequentialIntegratedGradients',
    'gradientShap',
    'smoothGrad',
    'leaveOneOut',
    'inclusion',
    'occlusion',
    'shapley',
    'shapleySampling',
    'banzhaf',
    'owen',
    'kernelShap',
  ];
  test.each(linear)('%s', async (method) => {
    await fc.assert(
      fc.asyncProperty(net(4), net(4), vector(4), number, number, async (f, g, x, alpha, beta) => {
        const sum: Net = {
          w: [...f.w.map((w) => alpha * w), ...g.w.map((w) => beta * w)],
          v: [...f.v, ...g.v],
        };
        const options = { method, steps: 4, samples: method === 'kernelShap' ? 2048 : 4 };
        const [ofSum, ofF, ofG] = [
          await scores(sum, x, options),
          await scores(f, x, options),
          await scores(g, x, options),
        ];
        expectClose(
          ofSum,
          ofF.map((value, at) => alpha * value + beta * ofG[at]!),
          method,
          1e-8,
        );
      }),
      { ...runs, numRuns: 15 },
    );
  });
});

describe('Shapley values of arbitrary games', () => {
  const game = (players: number): fc.Arbitrary<number[]> => vector(2 ** players);
  const names = ['a', 'b', 'c', 'd', 'e'];
  const explain = async (
    values: readonly number[],
    method: AttributionMethodName,
    options: AttributeOptions = {},
  ): Promise<readonly number[]> => {
    const table = gameModel((keep) => values[Number.parseInt(keep.join(''), 2)] ?? Number.NaN);
    const result = await attribute(table, gameInput(names), { method, ...options });
    return result.players?.map(({ score }) => score) ?? [];
  };

  test('equal the mean over all 120 orders of five players, and add up', async () => {
    const orders = permutations([0, 1, 2, 3, 4]);
    await fc.assert(
      fc.asyncProperty(game(5), async (values) => {
        const exact = await explain(values, 'shapley');
        expectClose(
          await explain(values, 'shapleySampling', { permutations: orders }),
          exact,
          'orders',
          1e-10,
        );
        expectClose(await explain(values, 'kernelShap'), exact, 'kernelShap', 1e-9);
        const sum = exact.reduce((total, value) => total + value, 0);
        expectClose(sum, values[31]! - values[0]!, 'efficiency', 1e-10);
      }),
      runs,
    );
  });

  test('of groups are the sums of Owen values inside them', async () => {
    await fc.assert(
      fc.asyncProperty(game(5), async (values) => {
        const table = gameModel((keep) => values[Number.parseInt(keep.join(''), 2)] ?? Number.NaN);
        const players = names.map((name, index) => ({
          name,
          tokens: [index],
          group: index < 2 ? 'x' : index < 4 ? 'y' : 'z',
        }));
        const owen = await attribute(table, gameInput(names), { method: 'owen', players });
        const groups = [
          { name: 'x', tokens: [0, 1] },
          { name: 'y', tokens: [2, 3] },
          { name: 'z', tokens: [4] },
        ];
        const shapley = await attribute(table, gameInput(names), {
          method: 'shapley',
          players: groups,
        });
        const own = owen.players?.map(({ score }) => score) ?? [];
        expectClose(
          [own[0]! + own[1]!, own[2]! + own[3]!, own[4]!],
          shapley.players?.map(({ score }) => score),
          'owen',
          1e-10,
        );
      }),
      runs,
    );
  });
});

function permutations(items: readonly number[]): number[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item) =>
    permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
  );
}
