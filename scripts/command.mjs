// Running other programs from the repository's scripts. Uses only what Node itself brings, as it runs
// before anything is installed.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The repository's folder, with a slash at its end. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/** What every program started from here gets, besides this process's own environment. */
const environment = {
  // onnxruntime-node's install script fetches CUDA libraries from outside the package registry.
  ONNXRUNTIME_NODE_INSTALL: 'skip',
  TURBO_TELEMETRY_DISABLED: '1',
};

/**
 * Programs that are started with this very Node instead of by name: that works without a shell on
 * every system, and costs half a second less than `npx`.
 *
 * @type {Record<string, string>}
 */
const scriptsOfPrograms = {
  attw: 'node_modules/@arethetypeswrong/cli/dist/index.js',
  biome: 'node_modules/@biomejs/biome/bin/biome',
  knip: 'node_modules/knip/bin/knip.js',
  publint: 'node_modules/publint/src/cli.js',
  tsc: 'node_modules/typescript/bin/tsc',
  turbo: 'node_modules/turbo/bin/turbo',
  vitest: 'node_modules/vitest/vitest.mjs',
};

/** A program ended with another exit status than 0, or could not be started. */
export class CommandFailed extends Error {
  /**
   * @param {string} line The command as one would type it.
   * @param {number | null} status Exit status; `null` if a signal ended it or it never started.
   * @param {string} reason
   * @param {{ cause?: unknown, output?: string }} details `output`: its standard output, if that was captured.
   */
  constructor(line, status, reason, { cause, output = '' }) {
    super(`\`${line}\` ${reason}`, { cause });
    this.name = 'CommandFailed';
    this.status = status;
    this.output = output;
  }
}

/**
 * Runs a program to its end.
 *
 * @param {string} program `npm`, `node`, one of `scriptsOfPrograms`, or a program on the PATH.
 * @param {readonly string[]} args
 * @param {{ folder?: string, capture?: boolean, timeoutMs?: number }} [options]
 *   `capture`: give the standard output back instead of showing it.
 * @returns {string} The standard output if `capture`, else ''.
 * @throws {CommandFailed}
 */
export function run(program, args, { folder = root, capture = false, timeoutMs } = {}) {
  const [file, leadingArgs] = resolveProgram(program);
  const { status, signal, error, stdout } = spawnSync(file, [...leadingArgs, ...args], {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ['ignore', capture ? 'pipe' : 'inherit', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
  });
  const line = [program, ...args].join(' ');
  if (error) {
    const timedOut = 'code' in error && error.code === 'ETIMEDOUT';
    const reason = timedOut ? `ran longer than ${timeoutMs} ms.` : `did not run: ${error.message}`;
    throw new CommandFailed(line, null, reason, { cause: error });
  }
  if (status !== 0) {
    const reason = `ended with ${signal ?? `status ${status}`}.`;
    throw new CommandFailed(line, status, reason, capture ? { output: stdout } : {});
  }
  return stdout ?? '';
}

/**
 * Runs `action`; if a program that it started fails, ends this process with that program's status.
 * What went wrong was already shown by the program itself.
 *
 * @param {() => void} action
 */
export function exitOnFailure(action) {
  try {
    action();
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    console.error(error.message);
    process.exitCode = error.status ?? 1;
  }
}

/**
 * @param {string} program
 * @returns {[file: string, leadingArgs: string[]]}
 */
function resolveProgram(program) {
  if (program === 'node') return [process.execPath, []];
  if (program === 'npm') {
    // npm tells the scripts that it runs where it lies; without npm around us, the PATH knows.
    const npm = process.env['npm_execpath'];
    return npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  }
  const script = scriptsOfPrograms[program];
  return script === undefined ? [program, []] : [process.execPath, [`${root}${script}`]];
}
