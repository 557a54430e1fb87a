import { describe, expect, it } from 'vitest';
import { type BatchOptions, planBatches } from './batches.js';

const mebibyte = 2 ** 20;
const options: BatchOptions = {
  maximumBatch: 32,
  mixesPrompts: true,
  bytesPerToken: mebibyte,
  lanes: 1,
};
const prompts = (rows: readonly number[], tokens = 100) =>
  rows.map((own) => ({ rows: own, tokens }));
/** Rows by batch, as `[prompt, rows of it]`. */
const shapes = (rows: readonly number[], changes: Partial<BatchOptions> = {}, tokens?: number) =>
  planBatches(prompts(rows, tokens), { ...options, ...changes }).map((batch) =>
    [...new Set(batch.map(({ prompt }) => prompt))].map((prompt) => [
      prompt,
      batch.filter((row) => row.prompt === prompt).length,
    ]),
  );

describe('batches of rows', () => {
  it('share the cache of a prompt of many rows, and pieces of at most `maximumBatch`', () => {
    expect(shapes([8, 40])).toEqual([[[0, 8]], [[1, 32]], [[1, 8]]]);
  });
  it('mix prompts of few rows, eight at a time where caches are large', () => {
    expect(shapes([1, 2, 3, 3, 8])).toEqual([
      [[4, 8]],
      [
        [0, 1],
        [1, 2],
        [2, 3],
        [3, 2],
      ],
      [[3, 1]],
    ]);
  });
  it('mix all prompts whose caches are small, in as many batches as lanes', () => {
    const small = { bytesPerToken: 1024 };
    expect(shapes([8, 8, 8, 8], small)).toEqual([
      [
        [0, 8],
        [1, 8],
        [2, 8],
        [3, 8],
      ],
    ]);
    expect(shapes([8, 8, 8, 8], { ...small, lanes: 2 })).toEqual([
      [
        [0, 8],
        [1, 8],
      ],
      [
        [2, 8],
        [3, 8],
      ],
    ]);
  });
  it('of 32 MiB at most are small', () => {
    const bytesPerToken = mebibyte / 100;
    expect(shapes([8, 8], { bytesPerToken }).length).toBe(1);
    expect(shapes([8, 8], { bytesPerToken: bytesPerToken + 1 }).length).toBe(2);
  });
  it('keep prompts apart for a decoder that cannot mix them', () => {
    expect(shapes([1, 1, 1], { mixesPrompts: false, bytesPerToken: 1 }).length).toBe(3);
  });
  it('hold every row once', () => {
    const rows = [1, 7, 33, 2, 0, 5];
    for (const bytesPerToken of [1, 1000, mebibyte]) {
      const all = planBatches(prompts(rows), { ...options, bytesPerToken, lanes: 3 }).flat();
      expect(new Set(all.map(({ prompt, sample }) => `${prompt}/${sample}`)).size).toBe(48);
      expect(all.length).toBe(48);
    }
  });
});
