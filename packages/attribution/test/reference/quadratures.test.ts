import { describe, test } from 'vitest';
import { quadratures } from '../../src/quadratures/index.js';
import { expectClose } from '../close.js';
import { cases, get, quadratureNames } from './cases.js';

type Rule = { alphas: number[]; weights: number[] };

describe.each(Object.entries(quadratureNames))('%s', (key, name) => {
  const rules = Object.entries(get<Record<string, Rule>>(cases, 'quadrature', key));
  test.each(rules)('has the reference nodes and weights at n = %s', (n, expected) => {
    const { alphas, weights } = quadratures[name].rule(Number(n));
    expectClose(alphas, expected.alphas, 'alphas', 1e-14);
    expectClose(weights, expected.weights, 'weights', 1e-14);
  });

  const sums = Object.entries(get<Record<string, number>>(cases, 'quadrature', 'weight_sums', key));
  test.each(sums)('has the reference sum of weights at n = %s', (n, expected) => {
    const sum = quadratures[name].rule(Number(n)).weights.reduce((a, b) => a + b, 0);
    expectClose(sum, expected, 'sum', 1e-13);
  });
});

test('gaussLegendre has the spot values at n = 50 and 256', () => {
  for (const [n, spots] of Object.entries(
    get<Record<string, Record<string, number>>>(cases, 'quadrature', 'gausslegendre_spot'),
  )) {
    const { alphas, weights } = quadratures.gaussLegendre.rule(Number(n));
    for (const [spot, expected] of Object.entries(spots)) {
      const list = spot.startsWith('alpha') ? alphas : weights;
      expectClose(list[Number(spot.replace(/\D+/, ''))], expected, `${n} ${spot}`, 1e-14);
    }
  }
});
