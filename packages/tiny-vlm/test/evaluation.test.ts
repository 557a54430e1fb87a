import { describe, expect, it } from 'vitest';
import { showShare } from '../training/evaluation/figures-table.js';
import { wilson } from '../training/evaluation/wilson.js';
import { collectPieces, makeTokenizer } from '../training/text/vocabulary.js';

describe('wilson', () => {
  // Newcombe, "Two-sided confidence intervals for the single proportion", 1998, Table I, method 3.
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('%d of %d', (right, count, low, high) => {
    const share = wilson(right, count);
    // Printed with four digits.
    expect(Math.abs((share.low ?? 1) - low)).toBeLessThan(5e-5);
    expect(Math.abs((share.high ?? 0) - high)).toBeLessThan(5e-5);
  });

  it('gives no number where nothing was counted', () => {
    expect(wilson(0, 0)).toMatchObject({ share: null, low: null, high: null });
    expect(showShare(wilson(0, 0))).toBe('–');
  });
});

describe('the tokenizer', () => {
  it('has the pieces that the tasks are made of', async () => {
    expect(makeTokenizer().pieces).toEqual(await collectPieces());
  });
});
