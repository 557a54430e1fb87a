import { describe, expect, it } from 'vitest';
import { importCycles } from './import-cycles.js';

const importing = (path: string, ...specifiers: string[]) => ({
  path,
  text: specifiers.map((specifier) => `import '${specifier}';`).join('\n'),
});

describe('importCycles', () => {
  it('finds none where files only share an import', () => {
    const files = [
      importing('src/index.ts', './a.js', './b.js'),
      importing('src/a.ts', './c.js'),
      importing('src/b.ts', './c.js', 'zod'),
      importing('src/c.ts'),
    ];
    expect(importCycles(files)).toEqual([]);
  });

  it('finds two files that import each other', () => {
    const files = [importing('src/a.ts', './b.js'), importing('src/b.ts', './a.js')];
    expect(importCycles(files)).toEqual([['src/a.ts', 'src/b.ts', 'src/a.ts']]);
  });

  it('finds a cycle that exists by types alone', () => {
    const files = [
      { path: 'src/a.ts', text: "import type { B } from './b.js';" },
      { path: 'src/b.ts', text: "let a: import('./a.js').A;" },
    ];
    expect(importCycles(files)).toHaveLength(1);
  });

  it('finds a long cycle through folders and their index', () => {
    const files = [
      importing('src/rules/index.ts', './softmax.js'),
      importing('src/rules/softmax.ts', '../driver.js'),
      importing('src/driver.ts', './rules'),
    ];
    expect(importCycles(files)).toHaveLength(1);
  });

  it('finds a file that imports itself', () => {
    expect(importCycles([importing('src/a.ts', './a.js')])).toEqual([['src/a.ts', 'src/a.ts']]);
  });

  it('finds a cycle that does not hold the first file', () => {
    const files = [
      importing('src/index.ts', './a.js'),
      importing('src/a.ts', './b.js'),
      importing('src/b.ts', './a.js'),
    ];
    expect(importCycles(files)).toEqual([['src/a.ts', 'src/b.ts', 'src/a.ts']]);
  });
});
