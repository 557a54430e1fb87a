// `npm run complete-lock`: adds to package-lock.json the optional packages that npm left out.
//
// Tools with native code list one optional package a platform. Where a registry mirror lacks some of
// them, `npm install` leaves them out of the lock file without a word, and `npm ci` then refuses that
// file everywhere ("Missing: … from lock file"). An entry that names its platform is enough: npm
// fetches only the one for the platform at hand.
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { root } from './command.mjs';

/**
 * @typedef {{
 *   version?: string, dev?: boolean, optional?: boolean, os?: string[], cpu?: string[], libc?: string[],
 *   optionalDependencies?: Record<string, string>,
 * }} LockEntry
 * @typedef {Record<string, LockEntry>} LockEntries
 */

const systems = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
];

/** Processors as Node names them, by what package names call them. */
const processors = new Map([
  ...['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'].map(
    (name) => /** @type {const} */ ([name, name]),
  ),
  ['64', 'x64'], // @turbo/darwin-64
  ['aarch64', 'arm64'],
  ['mips64el', 'mips64el'],
]);

/**
 * The platform that a package is for, read from its name. Parts that the name does not tell are left out.
 *
 * @param {string} name For example `@rollup/rollup-linux-x64-musl`.
 * @returns {{ os?: string[], cpu?: string[], libc?: string[] }}
 */
export function platformOfName(name) {
  const words = name.replace('windows', 'win32').split(/[^a-z0-9]+/);
  const os = systems.find((system) => words.includes(system));
  const cpu = [...processors].find(([word]) => words.includes(word))?.[1];
  const libc = words.some((word) => word.startsWith('musl'))
    ? 'musl'
    : words.some((word) => word.startsWith('gnu')) && os === 'linux'
      ? 'glibc'
      : undefined;
  return {
    ...(os === undefined ? {} : { os: [os] }),
    ...(cpu === undefined ? {} : { cpu: [cpu] }),
    ...(libc === undefined ? {} : { libc: [libc] }),
  };
}

/**
 * Entries that the lock file lacks: optional dependencies of its packages that nothing in it provides.
 *
 * @param {LockEntries} packages The lock file's `packages`.
 * @returns {LockEntries} What to add.
 * @throws {Error} If a missing package is wanted in a range of versions or names no platform: what to
 *   enter is then not known.
 */
export function missingOptionalEntries(packages) {
  /** @type {LockEntries} */
  const missing = {};
  for (const [path, { dev, optionalDependencies = {} }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (providersOf(path, name).some((provider) => provider in packages)) continue;
      const { os, cpu, libc } = platformOfName(name);
      if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version) || (os === undefined && cpu === undefined)) {
        throw new Error(`The lock file lacks ${name} "${version}" of ${path}: add it by hand.`);
      }
      // The fields in npm's own order, so that the next `npm install` changes nothing.
      missing[`node_modules/${name}`] = Object.fromEntries(
        Object.entries({ version, cpu, dev, libc, optional: true, os }).filter(
          ([, value]) => value !== undefined,
        ),
      );
    }
  }
  return missing;
}

/**
 * Where a package's dependency may lie: beside it, or beside any folder above it.
 *
 * @param {string} path For example `node_modules/a/node_modules/b`.
 * @param {string} name
 * @returns {string[]}
 */
function providersOf(path, name) {
  const folders = path.split('/');
  return folders
    .map((_, index) => folders.slice(0, index + 1).join('/'))
    .filter((folder) => !folder.endsWith('node_modules') && folder !== '')
    .map((folder) => `${folder}/node_modules/${name}`)
    .concat(`node_modules/${name}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const path = `${root}package-lock.json`;
  const lock = JSON.parse(readFileSync(path, 'utf8'));
  const missing = missingOptionalEntries(lock.packages);
  const added = Object.keys(missing).length;
  if (added > 0) {
    const entries = Object.entries({ ...lock.packages, ...missing });
    // npm's own order.
    lock.packages = Object.fromEntries(entries.sort(([a], [b]) => a.localeCompare(b, 'en')));
    writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
  }
  console.log(`package-lock.json: ${added} optional packages added.`);
}
