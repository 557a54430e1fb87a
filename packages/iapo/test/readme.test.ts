import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as exported from '../src/index.js';
import { collect, stepMetrics, toyOptions, toyTeacher } from './train/toy-run.js';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

test('the example of the README is short and imports what there is', () => {
  const [, code = ''] = /```ts\n([\s\S]*?)```/.exec(read('README.md')) ?? [];
  expect(code.trim().split('\n').length).toBeLessThanOrEqual(12);
  const names = /import \{(.*)\}/.exec(code)?.[1]?.split(',') ?? [];
  expect(names.length).toBeGreaterThan(2);
  for (const name of names) expect(exported).toHaveProperty(name.trim());
});

test('the table of the README names exports', () => {
  const table = read('README.md').split('## What is in the box')[1]?.split('\n\n')[1] ?? '';
  const names = [...table.matchAll(/^\| `(\w+)|, `(\w+)`/gm)].map(
    ([, first, next]) => first ?? next ?? '',
  );
  const types = ['Student', 'Teacher', 'AgentModel', 'iapo'];
  expect(names.length).toBeGreaterThan(10);
  for (const name of names.filter((entry) => !types.includes(entry))) {
    expect(exported).toHaveProperty(name);
  }
});

test('the metrics of the documents are those of a step', async () => {
  const [metrics = {}] = stepMetrics(
    await collect(toyOptions({ teacher: toyTeacher(), steps: 1 })),
  );
  const table = read('docs/runs.md').split('## Metrics')[1]?.split('##')[0] ?? '';
  const names = [...table.matchAll(/`([\w/]+)`/g)].map(([, name = '']) => name);
  const known = new Set(Object.keys(metrics));
  // Block shares are in TensorBoard; KL needs a reference.
  const elsewhere = /^(blocks\/|kl$|attribution$|clip)/;
  for (const name of names.filter((entry) => entry.includes('/') || known.has(entry))) {
    expect(known.has(name) || elsewhere.test(name), `docs/runs.md: ${name}`).toBe(true);
  }
  expect(names.length).toBeGreaterThan(20);
});
