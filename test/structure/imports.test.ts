import { describe, expect, it } from 'vitest';
import { importsOf, packageOf, undeclaredImports } from './imports.js';

const file = (path: string, text: string) => ({ path, text });

describe('importsOf', () => {
  it('finds every form of import', () => {
    const text = [
      "import a from 'a';",
      "import type { B } from 'b';",
      "export * from 'c';",
      "export type { D } from 'd';",
      "const e = await import('e');",
      "let f: import('f').F;",
      "import 'g';",
    ].join('\n');
    expect(importsOf(file('src/x.ts', text)).sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
  });

  it('finds none in strings and comments', () => {
    const text = `// import a from 'a'\nconst text = "import b from 'b'";\n`;
    expect(importsOf(file('src/x.ts', text))).toEqual([]);
  });
});

describe('packageOf', () => {
  it.each([
    ['zod', 'zod'],
    ['zod/v4', 'zod'],
    ['@iapo/rl-core/testing', '@iapo/rl-core'],
    ['./here.js', null],
    ['node:fs', null],
    ['fs/promises', null],
  ])('%s → %s', (specifier, expected) => {
    expect(packageOf(specifier)).toBe(expected);
  });
});

describe('undeclaredImports', () => {
  const manifest = {
    name: '@iapo/attribution',
    dependencies: { zod: '4.6.7' },
    devDependencies: { 'onnx-buf': '1.20.0-1' },
  };
  const rootManifest = { name: 'root', devDependencies: { vitest: '4.1.12' } };
  const findings = (path: string, text: string) =>
    undeclaredImports(manifest, [file(path, text)], rootManifest);

  it('accepts declared packages, itself, Node and its own files', () => {
    const text = "import 'zod'; import '@iapo/attribution'; import 'node:fs'; import './other.js';";
    expect(findings('src/a.ts', text)).toEqual([]);
  });

  it('reports a package that is declared nowhere', () => {
    expect(findings('src/a.ts', "import 'yaml';")).toEqual([
      expect.stringContaining('imports "yaml"'),
    ]);
  });

  it('reports a development dependency in published code, also for its types only', () => {
    expect(findings('src/a.ts', "import type { A } from 'onnx-buf';")).toHaveLength(1);
    expect(findings('src/a.ts', "import { it } from 'vitest';")).toHaveLength(1);
  });

  it('accepts development dependencies in tests', () => {
    const text = "import 'onnx-buf'; import 'vitest';";
    expect(findings('src/a.test.ts', text)).toEqual([]);
    expect(findings('test/a.ts', text)).toEqual([]);
  });

  it("reports another package's file imported by its path", () => {
    expect(findings('src/deep/a.ts', "import '../../../rl-core/src/index.js';")).toEqual([
      expect.stringContaining('a file of another package'),
    ]);
  });
});
