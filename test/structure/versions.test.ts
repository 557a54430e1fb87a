import { describe, expect, it } from 'vitest';
import { differingVersions, loosePins } from './versions.js';

describe('loosePins', () => {
  it.each(['1.2.3', '1.20.0-1', '4.0.0-beta.2', 'npm:typescript@5.9.3', 'npm:@scope/name@1.0.0'])(
    'accepts %s',
    (version) => {
      expect(
        loosePins([{ folder: 'a', manifest: { name: 'a', dependencies: { x: version } } }]),
      ).toEqual([]);
    },
  );

  it.each([
    '^1.2.3',
    '~1.2.3',
    '1.2',
    '1',
    '*',
    'latest',
    '>=1.2.3',
    '1.2.3 || 2.0.0',
    'npm:x@^1.0.0',
    'file:../x',
    '',
  ])('reports "%s" in every section', (version) => {
    for (const section of ['dependencies', 'devDependencies', 'optionalDependencies']) {
      const manifest = { name: 'a', [section]: { x: version } };
      expect(loosePins([{ folder: 'packages/a', manifest }])).toEqual([
        `packages/a: "x": "${version}" is no exact pin.`,
      ]);
    }
  });

  it('lets peer dependencies be ranges', () => {
    const manifest = { name: 'a', peerDependencies: { x: '^1.0.0' } };
    expect(loosePins([{ folder: 'a', manifest }])).toEqual([]);
  });
});

describe('differingVersions', () => {
  const using = (folder: string, dependencies: Record<string, string>) => ({
    folder,
    manifest: { name: `@iapo/${folder}`, version: '0.1.0', dependencies },
  });

  it('accepts equal versions', () => {
    expect(differingVersions([using('a', { x: '1.0.0' }), using('b', { x: '1.0.0' })])).toEqual([]);
  });

  it('reports unequal versions, across sections too', () => {
    const b = { folder: 'b', manifest: { name: '@iapo/b', devDependencies: { x: '1.0.1' } } };
    expect(differingVersions([using('a', { x: '1.0.0' }), b])).toEqual([
      'x is 1.0.1 in b and 1.0.0 in a.',
    ]);
  });

  it('reports a package of the repository that is required in a version it does not have', () => {
    expect(differingVersions([using('a', {}), using('b', { '@iapo/a': '0.2.0' })])).toEqual([
      'b needs @iapo/a 0.2.0, but a has version 0.1.0.',
    ]);
  });
});
