import { describe, expect, test } from 'vitest';
import { attribute } from '../../src/attribute.js';
import { customBaseline } from '../../src/baselines/custom.js';
import { type AttributionMethodName, attributionMethods } from '../../src/methods/index.js';
import type { AttributeOptions } from '../../src/options.js';
import { expectClose } from '../close.js';
import { dot, quadraticModel, times } from '../models/quadratic-model.js';

// One token is one dimension and one block, so scores of every level can be compared with one list.
const x = [1.2, -0.7, 0.4, 2];
const start = [0.3, 0.5, -0.2, 0.1];
const d = x.map((value, index) => value - start[index]!);
const b = [2, -1, 3, 0.5];
const a = [
  [0.4, -0.3, 0.2, 0],
  [-0.3, 0.8, 0.1, 0.5],
  [0.2, 0.1, -0.6, 0.3],
  [0, 0.5, 0.3, 0.2],
];
const input = {
  prompt: x.map((value) => [value]),
  completion: [4, 5],
  blocks: ['P', 'R', 'I', 'T'],
};
const noise = [
  [0.1, -0.2, 0.3, 0],
  [-0.3, 0.1, 0.2, 0.4],
  [0.2, 0.2, -0.1, 0.1],
];
const alphas = [0.1, 0.5, 0.7];
const everyMask = Array.from({ length: 16 }, (_, number) =>
  [3, 2, 1, 0].map((bit) => (number >> bit) & 1),
);

/** Enough steps or samples, and no shrinkage, so that a closed form exists. */
const settings: Partial<Record<AttributionMethodName, AttributeOptions>> = {
  smoothGrad: { noise },
  smoothGradSquared: { noise },
  varGrad: { noise },
  gradientShap: { alphas },
  guidedIntegratedGradients: { steps: 10, maximumDistance: 0 },
  // All coalitions with equal weights and no penalty: the best linear fit has the Banzhaf values as slopes.
  lime: { masks: everyMask, penalty: 0, kernelWidth: 1e8 },
  contextCite: { masks: everyMask, penalty: 0 },
};

const needsAttention = ['attentionRollout', 'attentionXGradient', 'valueZeroing'];
const explainable = Object.keys(attributionMethods).filter(
  (name) => !needsAttention.includes(name),
) as AttributionMethodName[];

async function scores(
  method: AttributionMethodName,
  model: ReturnType<typeof quadraticModel>,
): Promise<readonly number[]> {
  const result = await attribute(model, input, {
    method,
    baseline: customBaseline(start),
    ...settings[method],
  });
  return result.tokens.scores;
}

const each = (formula: (index: number) => number): number[] => x.map((_, index) => formula(index));

describe('linear F = b · x', () => {
  // ContextCite reads ln(p / (1 − p)), which is ln p to 1e-40 when ln p is near −100.
  const model = quadraticModel({ a: a.map((row) => row.map(() => 0)), b }, -100);
  const distance = each((i) => b[i]! * d[i]!);
  const expected: Partial<Record<AttributionMethodName, number[]>> = {
    saliency: each((i) => Math.abs(b[i]!)),
    inputXGradient: each((i) => b[i]! * x[i]!),
    // The gradient's direction is b everywhere: its squares share F(x) − F(x′).
    idgi: each((i) => (b[i]! ** 2 / dot(b, b)) * dot(b, d)),
    smoothGrad: b,
    smoothGradSquared: each((i) => b[i]! ** 2),
    varGrad: each(() => 0),
  };
  test.each(explainable)('%s', async (method) => {
    expectClose(await scores(method, model), expected[method] ?? distance, method, 1e-11);
  });
});

describe('quadratic F = ½ x · A x + b · x', () => {
  const model = quadraticModel({ a, b }, -100);
  const slope = (at: readonly number[]): number[] => times(a, at).map((value, i) => value + b[i]!);
  const between = (share: number): number[] => start.map((value, i) => value + share * d[i]!);
  // Interactions are pairwise, and every fair division halves them: d ⊙ (A (x + x′)/2 + b).
  const fair = each((i) => d[i]! * slope(between(0.5))[i]!);
  const alone = each((i) => d[i]! * slope(start)[i]! + (a[i]![i]! * d[i]! ** 2) / 2);
  const without = each((i) => d[i]! * slope(x)[i]! - (a[i]![i]! * d[i]! ** 2) / 2);
  const noisy = noise.map((tensor) => slope(x.map((value, i) => value + tensor[i]!)));
  const average = (read: (gradient: number[], i: number) => number): number[] =>
    each((i) => noisy.reduce((sum, gradient) => sum + read(gradient, i) / noisy.length, 0));
  const meanAlpha = alphas.reduce((sum, alpha) => sum + alpha / alphas.length, 0);
  const expected: Partial<Record<AttributionMethodName, number[]>> = {
    saliency: slope(x).map(Math.abs),
    inputXGradient: each((i) => x[i]! * slope(x)[i]!),
    integratedGradients: fair,
    sequentialIntegratedGradients: without,
    // On the straight path with left end points: mean position (n − 1)/(2n).
    guidedIntegratedGradients: each((i) => d[i]! * slope(between(0.45))[i]!),
    gradientShap: each((i) => d[i]! * slope(between(meanAlpha))[i]!),
    smoothGrad: average((gradient, i) => gradient[i]!),
    smoothGradSquared: average((gradient, i) => gradient[i]! ** 2),
    varGrad: average((gradient, i) => (gradient[i]! - average((other, at) => other[at]!)[i]!) ** 2),
    leaveOneOut: without,
    occlusion: without,
    inclusion: alone,
    shapley: fair,
    // Antithetic pairs see each pairwise interaction once on either side: exact for quadratics at any number.
    shapleySampling: fair,
    banzhaf: fair,
    owen: fair,
    kernelShap: fair,
    lime: fair,
    contextCite: fair,
  };
  test.each(explainable.filter((name) => name !== 'idgi'))('%s', async (method) => {
    const wanted = expected[method];
    if (wanted === undefined) throw new Error(`no closed form for ${method}: add one`);
    expectClose(await scores(method, model), wanted, method, 1e-10);
  });

  test('idgi, where the gradient keeps one direction: F = ½ (c · x)² + c · x', async () => {
    const c = [1, -2, 0.5, 3];
    const ray = quadraticModel({ a: c.map((p) => c.map((q) => p * q)), b: c });
    const value = (at: readonly number[]): number => dot(c, at) ** 2 / 2 + dot(c, at);
    const change = value(x) - value(start);
    expectClose(
      await scores('idgi', ray),
      each((i) => (c[i]! ** 2 / dot(c, c)) * change),
      'idgi',
      1e-12,
    );
  });
});

test('every method of the table has a closed-form test above or needs attention', () => {
  expect([...explainable, ...needsAttention].sort()).toEqual(
    Object.keys(attributionMethods).sort(),
  );
});
