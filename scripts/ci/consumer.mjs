// A user's project, made from nothing: installs the packages' tarballs, imports and type-checks every
// entry, starts every binary.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandFailed, run } from '../command.mjs';
import { importableEntries } from './entries.mjs';

/**
 * @typedef {import('./tarballs.mjs').Tarball} Tarball
 * @typedef {import('../workspace.mjs').Versions} Versions
 */

/** TypeScript 5.9 is the oldest compiler that the packages' declarations are checked with. */
const oldTypescript = 'npm:typescript@5.9.3';

const compilerOptions = {
  target: 'ES2022',
  module: 'NodeNext',
  strict: true,
  noEmit: true,
  // The declarations are what is checked here, so they are not skipped.
  skipLibCheck: false,
  types: ['node'],
};

/**
 * Makes the project and installs all tarballs together, with every dependency from the registry.
 * Optional peer dependencies are installed too, as an entry may need one.
 *
 * @param {string} folder Is made.
 * @param {readonly Tarball[]} tarballs
 * @param {Versions} tools Versions of the repository's `typescript` and `@types/node`.
 */
export function makeConsumer(folder, tarballs, tools) {
  mkdirSync(folder, { recursive: true });
  const manifests = tarballs.map(({ manifest }) => manifest);
  const own = new Set(manifests.map(({ name }) => name));
  const peers = manifests.flatMap(({ peerDependencies }) => Object.entries(peerDependencies ?? {}));
  write(folder, 'package.json', {
    name: 'consumer',
    private: true,
    type: 'module',
    dependencies: {
      ...Object.fromEntries(peers.filter(([name]) => !own.has(name))),
      ...Object.fromEntries(tarballs.map(({ manifest, path }) => [manifest.name, `file:${path}`])),
      '@types/node': tools['@types/node'],
      typescript: tools['typescript'],
      'typescript-old': oldTypescript,
    },
  });
  write(folder, 'tsconfig.json', { compilerOptions, files: ['consumer.ts'] });
  const imports = manifests.flatMap(importableEntries);
  writeFileSync(
    join(folder, 'consumer.ts'),
    imports
      .map((entry, index) => `import * as entry${index} from '${entry}';\nvoid entry${index};\n`)
      .join(''),
  );
  // Install scripts are refused, as a careful user does: no package may need one.
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    folder,
  });
}

/**
 * Imports every entry of every package in a process of its own, so that none leans on another.
 *
 * @param {string} folder
 * @param {readonly Tarball[]} tarballs
 */
export function importEveryEntry(folder, tarballs) {
  for (const entry of tarballs.flatMap(({ manifest }) => importableEntries(manifest))) {
    const script = `
      const names = Object.keys(await import(${JSON.stringify(entry)}));
      if (names.length === 0) throw new Error('exports no value');
      console.log(${JSON.stringify(`${entry}: `)} + names.length + ' exports');`;
    run('node', ['--input-type=module', '--eval', script], { folder, timeoutMs: 60_000 });
  }
}

/**
 * Starts every binary with `--help`.
 *
 * @param {string} folder
 * @param {readonly Tarball[]} tarballs
 */
export function startEveryBinary(folder, tarballs) {
  for (const binary of tarballs.flatMap(({ manifest }) => Object.keys(manifest.bin ?? {}))) {
    run(join(folder, 'node_modules/.bin', binary), ['--help'], { folder, timeoutMs: 60_000 });
  }
}

/**
 * Type-checks the imports of every entry with the repository's TypeScript and with an older one.
 *
 * @param {string} folder
 * @throws {Error} With the compilers' messages about the packages' own declarations.
 */
export function typecheckConsumer(folder) {
  const findings = ['typescript', 'typescript-old'].flatMap((compiler) => {
    const version = run('node', [`node_modules/${compiler}/bin/tsc`, '--version'], {
      folder,
      capture: true,
    });
    const output = outputOfTypeScript(folder, compiler);
    const ours = errorsOfOurs(output);
    console.log(`${version.trim()}: ${ours.length} errors`);
    return ours.map((line) => `${version.trim()}: ${line}`);
  });
  if (findings.length > 0) throw new Error(findings.join('\n'));
}

/**
 * The lines of the compiler's output that speak of our files. Declarations of dependencies have
 * faults of their own, which we cannot mend.
 *
 * @param {string} output
 * @returns {string[]}
 */
export function errorsOfOurs(output) {
  return output
    .split('\n')
    .filter(
      (line) =>
        /error TS\d+/.test(line) && !/^node_modules\/(?!@iapo\/[\w-]+\/(dist|src)\/)/.test(line),
    );
}

/**
 * @param {string} folder
 * @param {string} compiler Its folder in node_modules.
 * @returns {string}
 */
function outputOfTypeScript(folder, compiler) {
  try {
    return run('node', [`node_modules/${compiler}/bin/tsc`, '--pretty', 'false'], {
      folder,
      capture: true,
    });
  } catch (error) {
    // The compiler ends so when it found errors; whether they matter is decided by its output.
    if (error instanceof CommandFailed && error.status !== null && error.output !== '')
      return error.output;
    throw error;
  }
}

/**
 * @param {string} folder
 * @param {string} name
 * @param {object} content
 */
function write(folder, name, content) {
  writeFileSync(join(folder, name), `${JSON.stringify(content, null, 2)}\n`);
}
