import { describe, expect, it } from 'vitest';
import { microBatches } from './micro-batches.js';

const rows = (lengths: readonly number[]) => lengths.map((length) => ({ length, scored: 1 }));
const bytes = ({ length }: { readonly length: number }): number => length;
const largest = 100_000;

describe('batches', () => {
  it('put rows of like length together, longest first, as many as the budget holds', () => {
    expect(microBatches(rows([3, 9, 5, 8]), 20, bytes)).toEqual([
      [1, 3],
      [2, 0],
    ]);
    expect(microBatches([], largest, bytes)).toEqual([]);
  });

  it.each([
    // Equal rows in equal parts; 2 × 10 and 4 × 5 are the same work.
    [2, [700, 700, 700, 700], [2, 2]],
    [2, [1000, 1000, 500, 500, 500, 500], [2, 4]],
    [3, [600, 600, 600, 600, 600, 600], [2, 2, 2]],
    [4, [600, 600, 600, 600, 600, 600, 600, 600], [2, 2, 2, 2]],
    // Fewer rows than lanes, and a single one.
    [4, [600, 600], [1, 1]],
    [2, [600], [1]],
    // Parts of fewer than 256 tokens would cost more than they save.
    [2, [200, 200], [2]],
    [4, [100, 100, 100, 100, 100, 100], [3, 3]],
  ])('are divided among %i lanes: %j into %j', (lanes, lengths, expected) => {
    const batches = microBatches(rows(lengths), largest, bytes, lanes);
    expect(batches.flat().sort((a, b) => a - b)).toEqual([...lengths.keys()]);
    expect(batches.map(({ length }) => length)).toEqual(expected);
  });

  it('fill the last wave of several', () => {
    const batches = microBatches(rows([800, 800, 800, 800, 800, 800]), 1600, bytes, 2);
    expect(batches.map(({ length }) => length)).toEqual([1, 1, 2, 2]);
  });

  it('say whose budget a row breaks', () => {
    const refused = (lanes: number) => () => microBatches(rows([30]), 20, bytes, lanes);
    expect(refused(1)).toThrow('`memoryBudget` is 1 MiB: give');
    expect(refused(2)).toThrow('`memoryBudget` is 1 MiB for each of 2 workers: give');
  });
});
