import { describe, expect, it } from 'vitest';
import { dependenciesAgainstPicture, dependencyPicture } from './dependency-picture.js';

const version = '0.1.0';

describe('dependenciesAgainstPicture', () => {
  it('accepts what the picture draws', () => {
    const manifest = {
      name: '@iapo/vlm-adapters',
      dependencies: { '@iapo/onnx-autograd': version, zod: '4.6.7' },
    };
    expect(dependenciesAgainstPicture(manifest)).toEqual([]);
  });

  it.each(['dependencies', 'peerDependencies', 'optionalDependencies', 'devDependencies'])(
    'reports a package that should know nothing of another, in %s',
    (section) => {
      const manifest = { name: '@iapo/attribution', [section]: { '@iapo/onnx-autograd': version } };
      expect(dependenciesAgainstPicture(manifest)).toEqual([
        expect.stringContaining('@iapo/attribution depends on @iapo/onnx-autograd'),
      ]);
    },
  );

  it('lets tiny-vlm train with packages that its users do not get', () => {
    const name = '@iapo/tiny-vlm';
    const training = { '@iapo/rl-core': version, '@iapo/vlm-adapters': version };
    expect(dependenciesAgainstPicture({ name, devDependencies: training })).toEqual([]);
    expect(dependenciesAgainstPicture({ name, dependencies: training })).toHaveLength(2);
  });

  it('reports a package that needs iapo', () => {
    const manifest = { name: '@iapo/tiny-vlm', devDependencies: { '@iapo/iapo': version } };
    expect(dependenciesAgainstPicture(manifest)).toHaveLength(1);
  });

  it('reports a package that the picture does not hold', () => {
    expect(dependenciesAgainstPicture({ name: '@iapo/core' })).toEqual([
      expect.stringContaining('@iapo/core is not in the picture'),
    ]);
  });

  it('draws no cycle', () => {
    const above = (name: string): string[] =>
      (dependencyPicture[name]?.runtime ?? []).flatMap((below) => [below, ...above(below)]);
    for (const name of Object.keys(dependencyPicture)) expect(above(name)).not.toContain(name);
  });
});
