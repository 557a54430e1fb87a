import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'tsup';

/**
 * Bundles `kill-worker.ts` into a fresh folder and returns its path. A bundle starts fast, so that a child is
 * killed at work rather than while it loads.
 */
export async function bundleWorker(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'rl-core-worker-'));
  // Another user runs it in one of the tests.
  chmodSync(folder, 0o755);
  await build({
    entry: { 'kill-worker': new URL('./kill-worker.ts', import.meta.url).pathname },
    outDir: folder,
    format: 'esm',
    target: 'node20',
    noExternal: [/.*/],
    dts: false,
    sourcemap: false,
    config: false,
    silent: true,
  });
  return join(folder, 'kill-worker.js');
}

export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly errors: string;
}

/** Collects how a child ends. */
export async function endOf(child: ChildProcess): Promise<WorkerEnd> {
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, errors }));
  });
}

/** Starts a command with its error output captured. */
export function start(
  command: string,
  args: readonly string[],
  options: { uid?: number } = {},
): ChildProcess {
  return spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
}
