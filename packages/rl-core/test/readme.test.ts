import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  advantageEstimators,
  aggregations,
  klEstimators,
  lossTypes,
  policyLoss,
} from '../src/index.js';

const read = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');

describe('the documentation', () => {
  it('prints what the README says', () => {
    const { advantages } = advantageEstimators.none.estimate({ rewards: [1, 0], groupSize: 2 });
    if (!(advantages instanceof Float64Array)) throw new Error('expected one advantage a sequence');
    const { loss, cotangents } = policyLoss(
      { logprobs: [[-0.5, -1], [-2]], advantages },
      { lossType: 'grpo' },
    );
    const printed = `// ${loss} ${JSON.stringify(cotangents.map((row) => [...row]))}`;
    const line = read('README.md')
      .split('\n')
      .find((text) => text.startsWith('// 0 '));
    expect(line?.replaceAll(' ', '')).toBe(printed.replaceAll(' ', ''));
  });

  it('has a row for every loss and every estimator', () => {
    const text = read('docs/losses.md');
    for (const name of [...Object.keys(lossTypes), ...Object.keys(advantageEstimators)]) {
      expect(text, name).toMatch(new RegExp(`^\\| \`${name}\` +\\|`, 'm'));
    }
  });

  it('names every table entry as its key', () => {
    for (const table of [lossTypes, advantageEstimators, aggregations, klEstimators]) {
      for (const [key, entry] of Object.entries(table)) expect(entry.name).toBe(key);
    }
  });
});
