import { expect, it } from 'vitest';
import { fuzz } from './support/fuzzing.js';
import { temporaryFolder } from './support/temporary-folder.js';

const folder = temporaryFolder();

it('refuses broken models with a place, or writes them without a difference', () => {
  const before = process.memoryUsage().rss;
  const report = fuzz({ seed: 20_260_801, mutants: 20_000, folder });
  expect(report.mutants).toBe(20_000);
  expect(report.accepted + report.refused).toBe(20_000);
  // Fails if the mutations are so coarse or so fine that only one of the two ever happens.
  expect(report.accepted).toBeGreaterThan(2000);
  expect(report.refused).toBeGreaterThan(2000);
  expect(report.fromFile).toBe(200);
  // Reading and writing the largest fixture, of a megabyte, twice takes about 100 ms.
  expect(report.worstMs).toBeLessThan(2000);
  expect(process.memoryUsage().rss - before).toBeLessThan(600 * 1024 * 1024);
});
