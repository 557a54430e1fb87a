import { describe, expect, test } from 'vitest';
import { expectClose } from '../test/close.js';
import { linearModel } from '../test/models/linear-model.js';
import { attribute } from './attribute.js';
import { compareAttributions } from './compare.js';
import type { AttributeOptions } from './options.js';
import type { AttributionResult } from './result.js';

const explain = (
  coefficients: number[],
  blocks: string[],
  options: AttributeOptions = {},
): Promise<AttributionResult> =>
  attribute(
    linearModel(coefficients.map((value) => [value])),
    { prompt: coefficients.map(() => [1]), completion: [1], blocks },
    { baseline: 'zero', ...options },
  );

describe('compareAttributions', () => {
  test('matches blocks by name, whatever their order and number of tokens', async () => {
    const student = await explain([1, 3], ['P', 'R']);
    const teacher = await explain([1, 1, 2], ['R', 'R', 'P']);
    const { value, blocks } = compareAttributions(student, teacher, {
      divergence: 'totalVariation',
    });
    // (¼, ¾) against (½, ½).
    expectClose(value, 0.25, 'tv', 1e-12);
    expect(blocks.map(({ name }) => name)).toEqual(['P', 'R']);
  });

  test('drops a block that one side lacks on both, and normalizes again', async () => {
    const student = await explain([1, 3, 4], ['P', 'R', 'I']);
    const teacher = await explain([1, 3], ['P', 'R']);
    const result = compareAttributions(student, teacher);
    expect(result.dropped).toEqual(['I']);
    expectClose(result.value, 0, 'kl', 1e-12);
    expectClose(
      result.blocks.map(({ first }) => first),
      [0.25, 0.75],
      'shares',
      1e-12,
    );
  });

  test('normalizes again with the same temperature', async () => {
    const options = { normalize: 'softmax' } as const;
    const student = await explain([1, 2, 9], ['P', 'R', 'I'], options);
    const teacher = await explain([1, 2], ['P', 'R'], options);
    expectClose(compareAttributions(student, teacher).value, 0, 'kl', 1e-12);
  });

  test('gives null with a reason when a side is degenerate', async () => {
    const student = await explain([0, 0], ['P', 'R']);
    const teacher = await explain([1, 3], ['P', 'R']);
    expect(compareAttributions(student, teacher)).toMatchObject({
      value: null,
      reason: 'first: all scores are 0',
    });
  });

  test('gives null when fewer than two blocks are left', async () => {
    const [one, two] = [await explain([1, 3], ['P', 'R']), await explain([1, 3], ['P', 'I'])];
    expect(compareAttributions(one, two).reason).toMatch(/one block only/);
    expect(compareAttributions(one, await explain([1, 3], ['I', 'T'])).reason).toBe(
      'the two results share no block',
    );
  });

  test.each<[string, AttributeOptions]>([
    ['method', { method: 'shapley' }],
    ['settings', { steps: 3 }],
    ['baseline', { baseline: 'blockMean' }],
    ['target', { target: 'probability' }],
    ['tokenWeights', { tokenWeights: [2] }],
    ['reduce', { reduce: 'sum>mean' }],
    ['normalize', { normalize: 'relu' }],
  ])('refuses another %s, unless allowed', async (name, options) => {
    const [one, other] = [
      await explain([1, 3], ['P', 'R']),
      await explain([1, 3], ['P', 'R'], options),
    ];
    expect(() => compareAttributions(one, other)).toThrow(
      new RegExp(`different settings.*${name}: `),
    );
    const allow = [
      'method',
      'settings',
      'baseline',
      'target',
      'tokenWeights',
      'reduce',
      'normalize',
      'maskMode',
    ];
    expect(() => compareAttributions(one, other, { allow })).not.toThrow();
  });

  test('tells when a side did not converge', async () => {
    const student = await explain([1, 3], ['P', 'R']);
    const failed = {
      ...student,
      completeness:
        student.completeness === null ? null : { ...student.completeness, converged: false },
    };
    expect(compareAttributions(student, student).converged).toBe(true);
    expect(compareAttributions(student, failed).converged).toBe(false);
  });
});
