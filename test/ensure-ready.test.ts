import { describe, expect, it } from 'vitest';
import { missingPackages } from '../scripts/ensure-ready.mjs';

describe('missingPackages', () => {
  const wanted = {
    '': { version: '0.0.0' },
    'packages/a': { version: '0.1.0' },
    'node_modules/@iapo/a': { link: true },
    'node_modules/zod': { version: '4.6.7' },
    'node_modules/other-platform': { version: '1.0.0', optional: true },
    'packages/a/node_modules/yaml': { version: '2.9.1' },
  };
  const installed = {
    'packages/a': { version: '0.1.0' },
    'node_modules/@iapo/a': { link: true },
    'node_modules/zod': { version: '4.6.7' },
    'packages/a/node_modules/yaml': { version: '2.9.1' },
  };

  it('finds nothing missing where only other platforms’ packages lack', () => {
    expect(missingPackages(installed, wanted)).toEqual([]);
  });

  it('finds another version, also of a nested package', () => {
    const changed = {
      ...installed,
      'node_modules/zod': { version: '4.6.6' },
      'packages/a/node_modules/yaml': { version: '1.0.0' },
    };
    expect(missingPackages(changed, wanted)).toEqual([
      'node_modules/zod',
      'packages/a/node_modules/yaml',
    ]);
  });

  it('finds a missing package and a missing link to a workspace', () => {
    expect(missingPackages({}, wanted)).toEqual([
      'node_modules/@iapo/a',
      'node_modules/zod',
      'packages/a/node_modules/yaml',
    ]);
  });
});
