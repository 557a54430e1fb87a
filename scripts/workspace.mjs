// What the repository holds: its packages, examples and tracked files.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './command.mjs';

/**
 * The fields of a package.json that the repository's tools read.
 *
 * @typedef {Record<string, string>} Versions
 * @typedef {{
 *   name: string, version?: string, private?: boolean, license?: string, workspaces?: string[],
 *   scripts?: Record<string, string>, exports?: Record<string, unknown>, bin?: Record<string, string>,
 *   dependencies?: Versions, devDependencies?: Versions, optionalDependencies?: Versions,
 *   peerDependencies?: Versions,
 * }} Manifest
 *
 * A folder with a package.json; `folder` is relative to the repository's root, with `/`.
 * @typedef {{ folder: string, manifest: Manifest }} Workspace
 */

/** @returns {Manifest} The repository's own package.json. */
export function readRootManifest() {
  return readManifest('package.json');
}

/**
 * Every workspace: packages, examples, bench. A folder without package.json is none.
 *
 * @returns {Workspace[]} Sorted by folder.
 */
export function readWorkspaces() {
  const patterns = readRootManifest().workspaces ?? [];
  return patterns
    .flatMap(foldersOf)
    .filter((folder) => existsSync(join(root, folder, 'package.json')))
    .sort()
    .map((folder) => ({ folder, manifest: readManifest(`${folder}/package.json`) }));
}

/**
 * The packages that are published.
 *
 * @param {readonly Workspace[]} workspaces
 * @returns {Workspace[]}
 */
export function publicPackages(workspaces) {
  return workspaces.filter(({ manifest }) => manifest.private !== true);
}

/**
 * Paths of all files that git tracks and that exist, relative to the root.
 *
 * @returns {string[]}
 */
export function trackedFiles() {
  // A checkout that another user owns is read all the same: nothing in it is executed by `ls-files`.
  const listing = run('git', ['-c', 'safe.directory=*', 'ls-files', '-z'], { capture: true });
  return listing.split('\0').filter((path) => path !== '' && existsSync(join(root, path)));
}

/**
 * @param {string} pattern `folder` or `folder/*`, as in the root manifest's `workspaces`.
 * @returns {string[]}
 */
function foldersOf(pattern) {
  if (!pattern.endsWith('/*')) return [pattern];
  const parent = pattern.slice(0, -2);
  if (!existsSync(join(root, parent))) return [];
  return readdirSync(join(root, parent)).map((name) => `${parent}/${name}`);
}

/**
 * @param {string} path
 * @returns {Manifest}
 */
function readManifest(path) {
  return JSON.parse(readFileSync(join(root, path), 'utf8'));
}
