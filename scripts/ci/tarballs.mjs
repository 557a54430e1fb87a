// Packs the packages as they would be published, and checks what is inside.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../command.mjs';
import { failTogether } from './phases.mjs';

/**
 * @typedef {import('../workspace.mjs').Workspace} Workspace
 * @typedef {{ manifest: import('../workspace.mjs').Manifest, path: string, files: string[] }} Tarball
 */

/**
 * @param {readonly Workspace[]} packages
 * @param {string} folder Where to put the tarballs; is made.
 * @returns {Tarball[]}
 */
export function packPackages(packages, folder) {
  mkdirSync(folder, { recursive: true });
  return packages.map(({ folder: workspace, manifest }) => {
    const output = run(
      'npm',
      // What is packed was built and tested a moment ago: no script runs.
      [
        'pack',
        '--json',
        '--ignore-scripts',
        `--pack-destination=${folder}`,
        `--workspace=${workspace}`,
      ],
      { capture: true },
    );
    const [{ filename, size, files }] = JSON.parse(output);
    console.log(`${filename}: ${files.length} files, ${Math.ceil(size / 1024)} KiB`);
    return {
      manifest,
      path: join(folder, filename),
      files: files.map((/** @type {{ path: string }} */ file) => file.path),
    };
  });
}

/**
 * What is wrong with the list of a tarball's files.
 *
 * @param {string} name Of the package.
 * @param {readonly string[]} files Paths inside the package.
 * @returns {string[]} One message a finding.
 */
export function faultsOfContent(name, files) {
  const missing = ['LICENSE', 'README.md', 'dist/index.js', 'dist/index.d.ts']
    .filter((path) => !files.includes(path))
    .map((path) => `${name}: its tarball lacks ${path}.`);
  const surplus = files
    .filter((path) => /\.test(-d)?\.|(^|\/)(test|fixtures|training)\/|tsbuildinfo$/.test(path))
    .map(
      (path) =>
        `${name}: its tarball holds ${path}, which no user needs. Narrow "files" in package.json.`,
    );
  return [...missing, ...surplus];
}

/**
 * Checks one tarball's content, its manifest (publint) and how its types resolve (attw).
 *
 * @param {Tarball} tarball
 * @throws {Error} If any of the three finds something; all are run.
 */
export function checkTarball({ manifest, path, files }) {
  failTogether(
    [
      () => {
        const faults = faultsOfContent(manifest.name, files);
        if (faults.length > 0) throw new Error(faults.join('\n'));
      },
      () => run('publint', ['run', path, '--strict']),
      () => run('attw', [path, '--profile', 'esm-only', '--no-emoji']),
    ],
    (check) => check(),
  );
}
