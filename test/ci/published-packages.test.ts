import { describe, expect, it } from 'vitest';
import { errorsOfOurs } from '../../scripts/ci/consumer.mjs';
import { importableEntries } from '../../scripts/ci/entries.mjs';
import { scriptOfExample } from '../../scripts/ci/examples.mjs';
import { faultsOfContent } from '../../scripts/ci/tarballs.mjs';

describe('importableEntries', () => {
  it('names what a user imports', () => {
    const exports = { '.': {}, './testing': {}, './package.json': './package.json' };
    expect(importableEntries({ name: '@iapo/a', exports })).toEqual(['@iapo/a', '@iapo/a/testing']);
  });

  it('refuses a package that exports nothing, or a pattern', () => {
    expect(() => importableEntries({ name: '@iapo/a' })).toThrow('@iapo/a exports nothing');
    expect(() => importableEntries({ name: '@iapo/a', exports: { './*': {} } })).toThrow(
      'pattern "./*"',
    );
  });
});

describe('faultsOfContent', () => {
  const complete = [
    'LICENSE',
    'README.md',
    'package.json',
    'dist/index.js',
    'dist/index.d.ts',
    'src/index.ts',
  ];

  it('accepts a complete package', () => {
    expect(faultsOfContent('a', complete)).toEqual([]);
  });

  it.each(['LICENSE', 'README.md', 'dist/index.js', 'dist/index.d.ts'])('misses %s', (path) => {
    expect(
      faultsOfContent(
        'a',
        complete.filter((file) => file !== path),
      ),
    ).toEqual([`a: its tarball lacks ${path}.`]);
  });

  it.each([
    'src/a.test.ts',
    'dist/a.test-d.d.ts',
    'test/fixtures/model.onnx',
    'training/step.ts',
    'a.tsbuildinfo',
  ])('wonders at %s', (path) => {
    expect(faultsOfContent('a', [...complete, path])).toHaveLength(1);
  });
});

describe('errorsOfOurs', () => {
  it('keeps errors of the consumer and of our declarations, and drops those of dependencies', () => {
    const output = [
      'node_modules/some-library/index.d.ts(1,1): error TS2304: Cannot find name.',
      'node_modules/@iapo/a/node_modules/b/index.d.ts(1,1): error TS2304: Cannot find name.',
      'node_modules/@iapo/a/dist/index.d.ts(2,1): error TS2304: Cannot find name.',
      'consumer.ts(3,1): error TS2307: Cannot find module.',
      '  more about it',
      'error TS5023: Unknown compiler option.',
    ].join('\n');
    expect(errorsOfOurs(output)).toEqual([
      'node_modules/@iapo/a/dist/index.d.ts(2,1): error TS2304: Cannot find name.',
      'consumer.ts(3,1): error TS2307: Cannot find module.',
      'error TS5023: Unknown compiler option.',
    ]);
  });
});

describe('scriptOfExample', () => {
  const example = (scripts: Record<string, string>) => ({
    folder: 'examples/a',
    manifest: { name: 'a', scripts },
  });

  it('prefers "ci" over "start", and wants one of them', () => {
    expect(scriptOfExample(example({ start: 'x', ci: 'y' }))).toBe('ci');
    expect(scriptOfExample(example({ start: 'x' }))).toBe('start');
    expect(() => scriptOfExample(example({ build: 'x' }))).toThrow('examples/a has neither');
  });
});
