import { describe, expect, test } from 'vitest';
import { attribute } from '../../src/attribute.js';
import type { QuadratureName } from '../../src/quadratures/index.js';
import { type ClassifierWeights, classifierModel } from '../models/classifier-model.js';
import { type DecoderWeights, decoderModel } from '../models/decoder-model.js';
import { cases, get } from '../reference/cases.js';

const caseA = get<Record<string, unknown>>(cases, 'A_attention_mlp_classifier');
const smooth = classifierModel(get<ClassifierWeights>(caseA, 'weights'), 'tanh');
const input = {
  prompt: get<number[][]>(caseA, 'x'),
  completion: [1],
  blocks: ['P', 'R', 'I', 'T'],
};

const error = async (quadrature: QuadratureName, steps: number): Promise<number> => {
  const { completeness } = await attribute(smooth, input, { baseline: 'zero', quadrature, steps });
  return Math.abs(completeness?.delta ?? Number.NaN);
};

describe('order of convergence on a smooth model', () => {
  test.each(['left', 'right'] as const)('%s: O(1/n)', async (rule) => {
    expect((await error(rule, 64)) / (await error(rule, 128))).toBeCloseTo(2, 0);
  });
  test.each(['midpoint', 'trapezoid'] as const)('%s: O(1/n²)', async (rule) => {
    expect((await error(rule, 64)) / (await error(rule, 128))).toBeCloseTo(4, 0);
  });
  test('captumTrapezoid: short by 1/n of F(x) − F(x′)', async () => {
    const { completeness } = await attribute(smooth, input, {
      baseline: 'zero',
      quadrature: 'captumTrapezoid',
      steps: 200,
    });
    expect((completeness?.relativeDelta ?? 0) * 200).toBeCloseTo(1, 1);
  });
  test('gaussLegendre: geometric, twice the points square the error', async () => {
    const [at8, at16, at32] = [
      await error('gaussLegendre', 8),
      await error('gaussLegendre', 16),
      await error('gaussLegendre', 32),
    ];
    expect(at16).toBeLessThan(at8 / 30);
    expect(at32).toBeLessThan(at16 / 900);
  });
  test('gradedGaussLegendre: geometric in the points of a panel', async () => {
    expect(await error('gradedGaussLegendre', 160)).toBeLessThan(
      (await error('gradedGaussLegendre', 80)) / 1000,
    );
  });
});

describe('RMSNorm with a zero baseline', () => {
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

  test('is flagged by the delta gate, however many of the default steps are tried', async () => {
    const { completeness, steps } = await attribute(decoder, prompt, { baseline: 'zero' });
    expect(steps).toBe(64);
    expect(completeness?.converged).toBe(false);
    expect(completeness?.relativeDelta).toBeGreaterThan(1);
  });

  test('is cured by the graded quadrature', async () => {
    const { completeness } = await attribute(decoder, prompt, {
      baseline: 'zero',
      quadrature: 'gradedGaussLegendre',
      steps: 160,
      tolerance: 1e-3,
    });
    expect(completeness?.converged).toBe(true);
    expect(Math.abs(completeness?.delta ?? 1)).toBeLessThan(6.2e-4);
  });

  test('does not arise with the default baseline, which stops at 8 steps', async () => {
    const { completeness, steps, baseline } = await attribute(decoder, prompt);
    expect(baseline).toEqual({ text: 'vocabularyMean({"matchNorm":true})', image: 'imageMean' });
    expect(completeness?.converged).toBe(true);
    expect(steps).toBe(8);
  });
});

describe('adaptive steps', () => {
  test('double until the tolerance is met, and tell how many they took', async () => {
    const loose = await attribute(smooth, input, { baseline: 'zero', tolerance: 1e-2 });
    expect(loose.steps).toBe(8);
    const tight = await attribute(smooth, input, { baseline: 'zero', tolerance: 1e-5 });
    expect(tight.steps).toBe(16);
    expect(tight.completeness?.converged).toBe(true);
    // 8 + 16 points, 2 ends.
    expect(tight.cost.forwards).toBe(26);
    expect(tight.cost.backwards).toBe(24);
  });
  test('stop at maximumSteps and say that they did not converge', async () => {
    const result = await attribute(smooth, input, {
      baseline: 'zero',
      steps: 2,
      maximumSteps: 3,
      tolerance: 1e-9,
    });
    expect(result.steps).toBe(3);
    expect(result.completeness?.converged).toBe(false);
  });
  test('are off when only `steps` is given', async () => {
    expect(
      (await attribute(smooth, input, { baseline: 'zero', steps: 4, tolerance: 1e-12 })).steps,
    ).toBe(4);
  });
});
