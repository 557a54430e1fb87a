// Makes a clone ready to run: installs and builds whatever is missing, and only that.
import { existsSync, readFileSync } from 'node:fs';
import { root, run } from './command.mjs';

/**
 * Installs the locked dependencies if they are missing or are other versions than the lock file's,
 * then builds every package whose sources changed (turbo restores the others from its cache).
 * Takes about half a second when nothing is missing.
 *
 * @throws {import('./command.mjs').CommandFailed}
 */
export function ensureReady() {
  refuseOldNode();
  ensureInstalled();
  run('turbo', [
    'run',
    'build',
    '--output-logs=errors-only',
    '--log-order=grouped',
    '--no-update-notifier',
  ]);
}

/** Installs the locked dependencies if they are missing or are other versions than the lock file's. */
export function ensureInstalled() {
  const installedPath = `${root}node_modules/.package-lock.json`;
  if (existsSync(installedPath)) {
    const missing = missingPackages(readLock(installedPath), readLock(`${root}package-lock.json`));
    if (missing.length === 0) return;
    console.log(`Installing, as ${missing.length} packages differ from package-lock.json.`);
  }
  // Also where NODE_ENV=production: building and testing need the development dependencies.
  run('npm', ['ci', '--include=dev']);
}

/**
 * Paths of packages that the lock file wants and that are missing or another version.
 *
 * @typedef {{ version?: string, optional?: boolean, link?: boolean }} LockedPackage
 * @typedef {Record<string, LockedPackage>} LockedPackages
 * @param {LockedPackages} installed npm's own record of what lies in node_modules.
 * @param {LockedPackages} wanted The lock file's `packages`.
 * @returns {string[]}
 */
export function missingPackages(installed, wanted) {
  return Object.entries(wanted)
    .filter(([path, { version, optional, link }]) => {
      // The root and the workspaces' own folders are sources. Optional packages (binaries of other
      // platforms) are in the wanted list only.
      if (!path.includes('node_modules/') || optional) return false;
      const found = installed[path];
      return found === undefined || (!link && found.version !== version);
    })
    .map(([path]) => path);
}

/**
 * @param {string} path
 * @returns {LockedPackages}
 */
function readLock(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages;
}

function refuseOldNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Error(
    `Node 20.19 or newer is needed, this is ${process.version}. Install a newer Node.`,
  );
}
