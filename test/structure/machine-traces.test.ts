import { describe, expect, it } from 'vitest';
import { lockedHosts, machineTraces } from './machine-traces.js';

// Put together from parts, so that this file holds no trace itself.
const npmRegistry = ['registry', 'npmjs', 'org'].join('.');
const pythonRegistry = ['pypi', 'org'].join('.');
const absolute = (...parts: string[]): string => ['', ...parts, ''].join('/');

describe('machineTraces', () => {
  it.each([
    `"resolved": "https://${npmRegistry}/zod/-/zod-4.6.7.tgz"`,
    `--index-url https://files.${['pythonhosted', 'org'].join('.')}/packages`,
    `--index-url https://${pythonRegistry}/simple`,
    `cd ${absolute('work', 'main')}`,
    `"${absolute('tmp', 'bash_jobs')}0/stdout"`,
    `#!${absolute('opt', 'peers', 'venv')}python`,
    `HOME=${absolute('root')}cache`,
  ])('reports %s', (line) => {
    expect(machineTraces('a.txt', `first\n${line}\n`, [])).toEqual([
      expect.stringMatching(/^a\.txt:2: /),
    ]);
  });

  it("reports this machine's own registry", () => {
    expect(
      machineTraces('a', 'from https://mirror.example:4873/x', ['mirror.example']),
    ).toHaveLength(1);
  });

  it.each([
    'https://example.org/work/main',
    'see ./work/in/progress and src/root/index.ts',
    'the npm registry',
    `a badge of https://www.npmjs.com/package/zod and of https://${pythonRegistry}/project/torch`,
  ])('accepts %s', (line) => {
    expect(machineTraces('a', line, [])).toEqual([]);
  });
});

describe('lockedHosts', () => {
  it('reports downloads, not links to workspaces', () => {
    const packages = {
      'node_modules/zod': { resolved: 'https://mirror.example/zod.tgz' },
      'node_modules/@iapo/a': { resolved: 'packages/a', link: true },
      'node_modules/yaml': {},
    };
    expect(lockedHosts(packages)).toEqual(['node_modules/zod']);
  });
});
