import { describe, expect, it } from 'vitest';
import { missingOptionalEntries, platformOfName } from '../scripts/complete-lock.mjs';

describe('platformOfName', () => {
  it.each([
    ['@biomejs/cli-linux-x64-musl', { os: ['linux'], cpu: ['x64'], libc: ['musl'] }],
    ['@rollup/rollup-linux-arm-gnueabihf', { os: ['linux'], cpu: ['arm'], libc: ['glibc'] }],
    ['@rollup/rollup-win32-x64-gnu', { os: ['win32'], cpu: ['x64'] }],
    ['@rollup/rollup-android-arm-eabi', { os: ['android'], cpu: ['arm'] }],
    ['@turbo/windows-64', { os: ['win32'], cpu: ['x64'] }],
    ['@turbo/darwin-arm64', { os: ['darwin'], cpu: ['arm64'] }],
    ['@oxc-parser/binding-wasm32-wasi', { cpu: ['wasm32'] }],
    ['some-library', {}],
  ])('%s', (name, expected) => {
    expect(platformOfName(name)).toEqual(expected);
  });
});

describe('missingOptionalEntries', () => {
  const tool = (optionalDependencies: Record<string, string>, dev?: boolean) => ({
    version: '1.0.0',
    ...(dev === undefined ? {} : { dev }),
    optionalDependencies,
  });

  it('finds nothing where every platform is locked, also nested', () => {
    const packages = {
      'node_modules/a': tool({ 'a-linux-x64': '1.0.0', 'a-darwin-x64': '1.0.0' }),
      'node_modules/a/node_modules/a-linux-x64': { version: '1.0.0' },
      'node_modules/a-darwin-x64': { version: '1.0.0' },
    };
    expect(missingOptionalEntries(packages)).toEqual({});
  });

  it('adds a missing platform, in development only where its tool is', () => {
    const packages = {
      'node_modules/a': tool({ 'a-linux-x64-musl': '1.0.0-rc.1' }, true),
      'node_modules/b/node_modules/c': tool({ 'c-darwin-arm64': '2.0.0' }),
    };
    expect(missingOptionalEntries(packages)).toEqual({
      'node_modules/a-linux-x64-musl': {
        version: '1.0.0-rc.1',
        cpu: ['x64'],
        dev: true,
        libc: ['musl'],
        optional: true,
        os: ['linux'],
      },
      'node_modules/c-darwin-arm64': {
        version: '2.0.0',
        cpu: ['arm64'],
        optional: true,
        os: ['darwin'],
      },
    });
  });

  it('refuses to guess a version or a platform', () => {
    expect(() =>
      missingOptionalEntries({ 'node_modules/a': tool({ 'a-linux-x64': '^1.0.0' }) }),
    ).toThrow('lacks a-linux-x64 "^1.0.0" of node_modules/a');
    expect(() => missingOptionalEntries({ 'node_modules/a': tool({ helper: '1.0.0' }) })).toThrow(
      'lacks helper',
    );
  });
});
