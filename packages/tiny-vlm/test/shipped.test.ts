import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SmallCharts, type TinyVlmName, tinyVlmPath } from '../src/index.js';
import { evaluate } from '../training/evaluation/evaluate.js';
import { type Evaluations, withFigures } from '../training/evaluation/readme-figures.js';
import type { Share } from '../training/evaluation/wilson.js';
import { filesOf } from '../training/model/describe-models.js';
import { Sampler } from '../training/sampling/sampler.js';
import { shippedModel } from '../training/sampling/sampling-model.js';
import { makeTokenizer } from '../training/text/vocabulary.js';

const models = fileURLToPath(new URL('../models/', import.meta.url));
const readJson = (name: string): unknown => JSON.parse(readFileSync(`${models}${name}`, 'utf8'));
// Written by the training and the evaluation command.
const described = readJson('models.json') as Record<TinyVlmName, { files: unknown }>;
const evaluations = readJson('evaluation.json') as Evaluations;
const names = Object.keys(described) as TinyVlmName[];
const tokenizer = makeTokenizer();
const tasks = new SmallCharts({ split: 'validation', seed: 'evaluation' }).tasks(300);

describe('the shipped models', () => {
  it('have the hashes of models.json, and at most 12 MB in all', () => {
    let bytes = 0;
    for (const name of names) {
      const files = filesOf(tinyVlmPath(name));
      expect(files).toEqual(described[name].files);
      for (const file of Object.values(files)) bytes += file.bytes;
    }
    expect(names.length).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(12e6);
  });

  it('have the tokenizer that training uses', () => {
    for (const name of names) {
      const path = `${tinyVlmPath(name)}/tokenizer.json`;
      expect(existsSync(path)).toBe(true);
      expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(tokenizer.toJson());
    }
  });

  it('have the figures of the README', () => {
    const readme = readFileSync(fileURLToPath(new URL('../README.md', import.meta.url)), 'utf8');
    // The formatter pads the columns of tables.
    const plain = (text: string): string => text.replaceAll(/ +/g, ' ').replaceAll(/-+/g, '-');
    expect(plain(withFigures(readme, evaluations))).toBe(plain(readme));
    for (const name of names) expect(evaluations).toHaveProperty([`${name}/validation`]);
  });
});

describe.each(names)('the shipped %s', (name) => {
  let sampler: Sampler;
  beforeAll(async () => {
    sampler = new Sampler(await shippedModel(tinyVlmPath(name)), tokenizer);
  });
  afterAll(() => sampler.dispose());

  it.each(['sampled', 'right-edit'] as const)(
    'reaches its figures on 300 tasks: %s',
    async (setting) => {
      const report = await evaluate({ sampler, tokenizer }, tasks, { setting, seed: 0 });
      const expected = evaluations[`${name}/validation`]?.[setting]?.['all'];
      const measured = report['all'];
      for (const figure of ['rightCall', 'toolSuccess', 'accuracy'] as const) {
        const [all, some] = [expected?.[figure], measured?.[figure]];
        expect(some?.count).toBe(300);
        expect(distance(some, all), figure).toBeLessThan(3);
      }
    },
  );
});

/** How many standard errors of so many tasks lie between two shares; a share of 0 or 1 counts as one task off. */
function distance(some: Share | undefined, all: Share | undefined): number {
  const p = all?.share;
  if (p === null || p === undefined || some === undefined) return Number.POSITIVE_INFINITY;
  const error = Math.sqrt(Math.max(p * (1 - p), 1 / some.count) / some.count);
  return Math.abs(some.right / some.count - p) / error;
}
