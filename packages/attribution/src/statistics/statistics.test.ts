import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectClose } from '../../test/close.js';
import { createRandom } from '../random.js';
import { pearsonCorrelation, spearmanCorrelation } from './correlation.js';
import { lasso } from './lasso.js';
import { weightedLeastSquares } from './least-squares.js';

const number = fc.double({ min: -3, max: 3, noNaN: true });

describe('weightedLeastSquares', () => {
  test('finds the coefficients of exact data, whatever the weights', () => {
    fc.assert(
      fc.property(fc.array(number, { minLength: 3, maxLength: 3 }), (coefficients) => {
        const rows = [
          [1, 0, 2],
          [0, 1, 1],
          [1, 1, 0],
          [2, -1, 1],
          [0.5, 3, 1],
        ];
        const values = rows.map((row) =>
          row.reduce((sum, entry, at) => sum + entry * coefficients[at]!, 0),
        );
        expectClose(
          weightedLeastSquares(rows, values, [1e6, 1, 2, 1e-3, 5]),
          coefficients,
          'b',
          1e-10,
        );
      }),
      { seed: 1 },
    );
  });
  test('weighs rows: a mean', () => {
    // argmin Σ w (y − b)² = Σ w y / Σ w = (1·1 + 3·5) / 4.
    expectClose(weightedLeastSquares([[1], [1]], [1, 5], [1, 3]), [4], 'mean', 1e-14);
  });
  test('refuses rows that do not determine the coefficients', () => {
    expect(() =>
      weightedLeastSquares(
        [
          [1, 1],
          [2, 2],
        ],
        [1, 2],
        [1, 1],
      ),
    ).toThrow(/do not determine 2 coefficients/);
    expect(() => weightedLeastSquares([[1, 1]], [1], [1])).toThrow(/do not determine/);
  });
});

describe('lasso', () => {
  test('meets the optimality conditions of its objective (1e-9)', () => {
    const row = fc.array(fc.constantFrom<number>(0, 1), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(row, number, fc.double({ min: 0.1, max: 4, noNaN: true })), {
          minLength: 8,
          maxLength: 12,
        }),
        (samples) => {
          const penalty = 0.1;
          const rows = samples.map(([values]) => values);
          const total = samples.reduce((sum, [, , weight]) => sum + weight, 0);
          const { coefficients, intercept } = lasso(
            rows,
            samples.map(([, y]) => y),
            samples.map(([, , w]) => w),
            penalty,
          );
          const residuals = samples.map(
            ([x, y, w]) =>
              (w *
                (y -
                  intercept -
                  x.reduce((sum, entry, at) => sum + entry * coefficients[at]!, 0))) /
              total,
          );
          expectClose(
            residuals.reduce((sum, value) => sum + value, 0),
            0,
            'intercept',
            1e-9,
          );
          for (const [at, coefficient] of coefficients.entries()) {
            const gradient = rows.reduce((sum, x, index) => sum + x[at]! * residuals[index]!, 0);
            if (coefficient === 0) expect(Math.abs(gradient)).toBeLessThan(penalty + 1e-9);
            else expectClose(gradient, penalty * Math.sign(coefficient), 'gradient', 1e-9);
          }
        },
      ),
      { seed: 2, numRuns: 50 },
    );
  });
  test('a column that never changes gets 0', () => {
    expect(
      lasso(
        [
          [1, 0],
          [1, 1],
          [1, 2],
        ],
        [0, 1, 2],
        [1, 1, 1],
        0,
      ).coefficients,
    ).toEqual([0, expect.closeTo(1, 12)]);
  });
});

describe('correlations', () => {
  test('Pearson and Spearman of hand-made lists', () => {
    expectClose(pearsonCorrelation([1, 2, 3], [2, 4, 6]), 1, 'r', 1e-15);
    expectClose(spearmanCorrelation([1, 2, 3], [1, 8, 27]), 1, 'ρ', 1e-15);
    // Ranks (1, 2.5, 2.5, 4) and (1, 2, 3, 4): r = 4.5 / √(4.5 · 5).
    expectClose(
      spearmanCorrelation([1, 2, 2, 3], [1, 2, 3, 4]),
      4.5 / Math.sqrt(4.5 * 5),
      'ties',
      1e-14,
    );
  });
  test('of a constant are null, not a number', () => {
    expect(pearsonCorrelation([0.1, 0.1, 0.1], [1, 2, 3])).toBeNull();
    expect(spearmanCorrelation([1, 2], [5, 5])).toBeNull();
    expect(pearsonCorrelation([1], [1])).toBeNull();
  });
});

describe('createRandom', () => {
  test('streams depend on seed and name, not on the order in which they are opened', () => {
    const one = createRandom(1);
    const first = one.split('noise', 0).uniform();
    one.split('other').uniform();
    expect(one.split('noise', 0).uniform()).toBe(first);
    expect(createRandom(2).split('noise', 0).uniform()).not.toBe(first);
    expect(one.split('noise', 1).uniform()).not.toBe(first);
  });
  test('normal draws have mean 0 and variance 1 (20,000 draws, 4 standard errors)', () => {
    const random = createRandom(5);
    const draws = Array.from({ length: 20_000 }, () => random.normal());
    const mean = draws.reduce((sum, value) => sum + value, 0) / draws.length;
    const variance = draws.reduce((sum, value) => sum + value * value, 0) / draws.length;
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(20_000));
    expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / 20_000));
  });
  test('permutations are permutations', () => {
    expect(
      createRandom(9)
        .permutation(50)
        .toSorted((a, b) => a - b),
    ).toEqual(Array.from({ length: 50 }, (_, index) => index));
  });
});
