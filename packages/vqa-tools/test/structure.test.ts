import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { datasetFormats, scorers, toolCallDialects, visualTools } from '../src/index.js';

const source = fileURLToPath(new URL('../src', import.meta.url));
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
);

it('has no file above 500 lines, and a median of about 100', () => {
  const lengths = files
    .map((file) => readFileSync(join(source, file), 'utf8').split('\n').length)
    .sort((a, b) => a - b);
  expect(lengths.at(-1)).toBeLessThanOrEqual(500);
  expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThanOrEqual(120);
});

it('depends on no other package of the project and uses no chance and no clock', () => {
  for (const file of files) {
    const text = readFileSync(join(source, file), 'utf8');
    expect(text, file).not.toMatch(/from '@iapo\//);
    expect(text, file).not.toMatch(/Math\.random|Date\.now|new Date\(/);
    expect(text, file).not.toMatch(/\beval\(|new Function|node:vm|child_process/);
  }
});

it('names every entry of a table by its key', () => {
  for (const table of [visualTools, toolCallDialects, datasetFormats, scorers]) {
    for (const [key, entry] of Object.entries(table)) expect(entry.name).toBe(key);
  }
});
