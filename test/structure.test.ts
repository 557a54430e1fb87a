import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../scripts/command.mjs';
import { missingOptionalEntries } from '../scripts/complete-lock.mjs';
import {
  publicPackages,
  readRootManifest,
  readWorkspaces,
  trackedFiles,
  type Workspace,
} from '../scripts/workspace.mjs';
import { dependenciesAgainstPicture, dependencyPicture } from './structure/dependency-picture.js';
import { overlongFiles } from './structure/file-length.js';
import { importCycles } from './structure/import-cycles.js';
import { undeclaredImports } from './structure/imports.js';
import { lockedHosts, machineTraces } from './structure/machine-traces.js';
import { readSourceFiles } from './structure/source-file.js';
import { differingVersions, loosePins } from './structure/versions.js';

// Every check below is shown to fail on made-up bad input in `structure/*.test.ts`.

const lockedPackages = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
const rootManifest = readRootManifest();
const workspaces = readWorkspaces();
const packages = workspaces.filter(({ folder }) => folder.startsWith('packages/'));
const everyManifest: Workspace[] = [{ folder: '.', manifest: rootManifest }, ...workspaces];

describe.each(packages)('$manifest.name', ({ folder, manifest }) => {
  const files = readSourceFiles(join(root, folder));

  it('has source files', () => {
    expect(files.filter(({ path }) => path.startsWith('src/')).length).toBeGreaterThan(0);
  });

  it('depends only on packages below it in the picture', () => {
    expect(dependenciesAgainstPicture(manifest)).toEqual([]);
  });

  it('declares what it imports', () => {
    expect(undeclaredImports(manifest, files, rootManifest)).toEqual([]);
  });

  it('has no import cycle', () => {
    expect(importCycles(files)).toEqual([]);
  });

  it('has no file of more than 500 lines in src', () => {
    expect(overlongFiles(manifest.name, files)).toEqual([]);
  });
});

describe('the workspace', () => {
  it('publishes only packages of the picture', () => {
    const names = publicPackages(workspaces).map(({ manifest }) => manifest.name);
    expect(names.filter((name) => !(name in dependencyPicture))).toEqual([]);
  });

  it('pins every dependency exactly', () => {
    expect(loosePins(everyManifest)).toEqual([]);
  });

  it('uses one version of every dependency', () => {
    expect(differingVersions(everyManifest)).toEqual([]);
  });

  it('names no download host in its lock file', () => {
    expect(lockedHosts(lockedPackages)).toEqual([]);
  });

  it('locks the optional packages of every platform (`npm run complete-lock` adds them)', () => {
    expect(missingOptionalEntries(lockedPackages)).toEqual({});
  });

  it('holds no registry host and no path of one machine in any tracked file', () => {
    const registries = [process.env['npm_config_registry'], process.env['PIP_INDEX_URL']]
      .filter((address) => address !== undefined && URL.canParse(address))
      .map((address) => new URL(String(address)).hostname);
    const findings = trackedFiles().flatMap((path) =>
      // Bytes that are no text must not fail the reading: every byte is a character in latin1.
      machineTraces(path, readFileSync(join(root, path), 'latin1'), registries),
    );
    expect(findings).toEqual([]);
  });
});
