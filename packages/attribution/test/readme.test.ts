import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { attribute, attributionMethods } from '../src/index.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const blocks = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');

test('the example with the hand-written model prints what it says', async () => {
  const [example = '', model = ''] = blocks;
  const expected = example
    .split('\n')
    .filter((line) => line.startsWith('// '))
    .map((line) => line.slice(3));
  const printed: string[] = [];
  const console = { log: (...parts: unknown[]) => printed.push(parts.join(' ')) };
  const body = `return (async () => {${model}\n${example.replace(/^import.*$/m, '')}})();`;
  // The blocks are plain JavaScript; running them as they stand is the point.
  await new Function('attribute', 'console', body)(attribute, console);
  expect(expected).toHaveLength(3);
  expect(printed).toEqual(expected);
  expect(example.trim().split('\n').length).toBeLessThanOrEqual(12);
  expect(model.trim().split('\n').length).toBeLessThanOrEqual(20);
});

describe('the table of methods', () => {
  const rows = new Map(
    [...readme.matchAll(/^\| `(\w+)` +\| ([\w, ]+?) +\| (yes|no) +\| (\w+) +\| .+ \|$/gm)].map(
      ([, name = '', needs, baseline, completeness]) => [name, { needs, baseline, completeness }],
    ),
  );
  test.each(Object.values(attributionMethods))(
    'says what $name needs',
    ({ name, needs, usesBaseline, completeness }) => {
      expect(rows.get(name)).toEqual({
        needs: needs.join(', '),
        baseline: usesBaseline ? 'yes' : 'no',
        completeness,
      });
    },
  );
  test('has no other rows', () => {
    expect(rows.size).toBe(Object.keys(attributionMethods).length);
  });
});
