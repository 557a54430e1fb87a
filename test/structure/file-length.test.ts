import { expect, it } from 'vitest';
import { overlongFiles } from './file-length.js';

const lines = (count: number): string => 'x;\n'.repeat(count);

it('accepts 500 lines in src, and more elsewhere', () => {
  const files = [
    { path: 'src/a.ts', text: lines(500) },
    { path: 'test/b.ts', text: lines(501) },
  ];
  expect(overlongFiles('p', files)).toEqual([]);
});

it('reports 501 lines in src, with and without a last line break', () => {
  const files = [
    { path: 'src/a.ts', text: lines(501) },
    { path: 'src/deep/b.test.ts', text: `${lines(500)}x` },
  ];
  expect(overlongFiles('p', files)).toEqual([
    'p: src/a.ts has 501 lines, more than 500. Split it by ideas.',
    'p: src/deep/b.test.ts has 501 lines, more than 500. Split it by ideas.',
  ]);
});
