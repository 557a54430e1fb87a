import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectClose } from '../../test/close.js';
import { gradedGaussLegendreWith } from './graded-gauss-legendre.js';
import { type QuadratureName, quadratures } from './index.js';

interface Reference {
  readonly rules: { steps: number; indices: number[]; alphas: number[]; weights: number[] }[];
}
const { rules } = JSON.parse(
  readFileSync(new URL('../../test/fixtures/gauss-legendre.json', import.meta.url), 'utf8'),
) as Reference;

describe('gaussLegendre against 40-digit arithmetic', () => {
  test.each(rules.map((rule) => [rule.steps, rule] as const))('%i points', (steps, expected) => {
    const { alphas, weights } = quadratures.gaussLegendre.rule(steps);
    const [a, w] = [
      expected.indices.map((index) => alphas[index]!),
      expected.indices.map((index) => weights[index]!),
    ];
    expectClose(a, expected.alphas, 'alphas', 1e-15);
    // Relative: weights at the ends are of the order 1/n².
    expectClose(
      w.map((value, index) => value / expected.weights[index]!),
      w.map(() => 1),
      'weights',
      1e-10,
    );
  });
});

/** ∫₀¹ α^k dα = 1/(k + 1). */
const momentError = (name: QuadratureName, steps: number, k: number): number => {
  const { alphas, weights } = quadratures[name].rule(steps);
  return alphas.reduce((sum, alpha, index) => sum + weights[index]! * alpha ** k, 0) - 1 / (k + 1);
};

test('gaussLegendre with n points integrates every power up to 2n − 1 (1e-14)', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (steps, share) => {
        expectClose(
          momentError('gaussLegendre', steps, Math.floor(share * (2 * steps - 1))),
          0,
          'moment',
          1e-14,
        );
      },
    ),
    { seed: 1 },
  );
});

test('midpoint and trapezoid integrate lines, left and right constants, captumTrapezoid not even those', () => {
  for (const name of ['midpoint', 'trapezoid'] as const)
    expectClose(momentError(name, 7, 1), 0, name, 1e-15);
  for (const name of ['left', 'right'] as const)
    expectClose(momentError(name, 7, 0), 0, name, 1e-15);
  expectClose(momentError('captumTrapezoid', 8, 0), -1 / 8, 'captumTrapezoid', 1e-15);
});

test('graded panels shrink tenfold and their weights sum to 1', () => {
  const { alphas, weights } = gradedGaussLegendreWith({ panels: 3 }).rule(6);
  expect(alphas).toHaveLength(6);
  expect(alphas.filter((alpha) => alpha < 0.01)).toHaveLength(2);
  expect(alphas.filter((alpha) => alpha > 0.1)).toHaveLength(2);
  expectClose(
    weights.reduce((sum, weight) => sum + weight, 0),
    1,
    'sum',
    1e-15,
  );
  expect(() => gradedGaussLegendreWith({ panels: 0 })).toThrow(
    /`panels` must be an integer from 1/,
  );
});
