import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { baselines } from '../baselines/index.js';
import { divergences } from '../divergences/divergences.js';
import { playerSets } from '../players/index.js';
import { quadratures } from '../quadratures/index.js';
import { normalizations } from '../scores/normalizations.js';
import { reductions } from '../scores/reductions.js';
import { targets } from '../targets/targets.js';
import { attributionMethods } from './index.js';

describe('tables', () => {
  test.each<[string, Readonly<Record<string, { name: string }>>]>([
    ['attributionMethods', attributionMethods],
    ['baselines', baselines],
    ['divergences', divergences],
    ['normalizations', normalizations],
    ['quadratures', quadratures],
    ['reductions', reductions],
    ['targets', targets],
  ])('entries of %s are filed under their own names', (_table, entries) => {
    for (const [key, { name }] of Object.entries(entries)) expect(name).toBe(key);
  });

  test('every file that makes a method is in the table', () => {
    const folder = new URL('.', import.meta.url);
    const made = readdirSync(folder)
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .flatMap((file) => [
        ...readFileSync(new URL(file, folder), 'utf8').matchAll(
          /^export const (\w+): AttributionMethod =/gm,
        ),
      ])
      .map((match) => match[1]);
    expect(made.sort()).toEqual(Object.keys(attributionMethods).sort());
  });

  test('the 23 methods and five player sets of the package', () => {
    expect(Object.keys(attributionMethods)).toHaveLength(23);
    expect(Object.keys(playerSets)).toEqual(['blocks', 'tokens', 'words', 'tools', 'imagePatches']);
  });
});
