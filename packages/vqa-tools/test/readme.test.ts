import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as api from '../src/index.js';

it('the README example prints what it says', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const block = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? '';
  const promised = /\/\/ (.*)$/m.exec(block)?.[1];
  const lines = block
    .trim()
    .split('\n')
    .filter((line) => line.trim() !== '');
  expect(lines.length).toBeLessThanOrEqual(12);
  const body = block.replace(/^import \{(.*)\} from '@iapo\/vqa-tools';/, 'const {$1} = api;');
  const printed: string[] = [];
  const log = (...parts: unknown[]): void => {
    printed.push(parts.map(String).join(' '));
  };
  const AsyncFunction = (async () => {}).constructor as new (
    ...parts: string[]
  ) => (module: typeof api, output: { log: typeof log }) => Promise<void>;
  await new AsyncFunction('api', 'console', body)(api, { log });
  expect(printed).toEqual([promised]);
});
