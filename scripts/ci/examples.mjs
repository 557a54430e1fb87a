import { run } from '../command.mjs';

/** @typedef {import('../workspace.mjs').Workspace} Workspace */

/** An example is read by newcomers while it runs: it may take seconds, never minutes. */
const timeoutMs = 180_000;

/**
 * The script of an example that shows that it works: `ci` if it has one, else `start`.
 *
 * @param {Workspace} example
 * @returns {string}
 * @throws {Error} If it has neither.
 */
export function scriptOfExample({ folder, manifest }) {
  const script = ['ci', 'start'].find((name) => manifest.scripts?.[name] !== undefined);
  if (script === undefined)
    throw new Error(`${folder} has neither a "ci" nor a "start" script. Add one.`);
  return script;
}

/** @param {Workspace} example */
export function runExample(example) {
  run('npm', ['run', scriptOfExample(example), '--silent', `--workspace=${example.folder}`], {
    timeoutMs,
  });
}
