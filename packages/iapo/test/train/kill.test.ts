import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '@iapo/rl-core';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { contentOf } from './run-content.js';

// 10 in CI; by hand: KILLS=50 npx vitest run --project iapo kill
const kills = Number(process.env.KILLS ?? 10);
const workspace = mkdtempSync(join(tmpdir(), 'iapo-kill-'));
// Inside the package, so that the bundle finds the packages that it leaves outside.
const results = fileURLToPath(new URL('../../.test-results/', import.meta.url));
let bundle = '';

beforeAll(async () => {
  mkdirSync(results, { recursive: true });
  bundle = join(mkdtempSync(join(results, 'kill-')), 'worker.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('kill-worker.ts', import.meta.url))],
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile: bundle,
  });
});

afterAll(() => {
  rmSync(workspace, { recursive: true, force: true });
  rmSync(join(bundle, '..'), { recursive: true, force: true });
});

/** Runs the worker; kills it `delayMs` after it began its run, if it has not ended by itself. */
async function runWorker(name: string, delayMs: number | null): Promise<'killed' | 'completed'> {
  const words = [bundle, join(workspace, name), join(workspace, `${name}.cache.jsonl`)];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (text) => {
    errors += String(text);
  });
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  if (delayMs !== null) {
    const started = new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
    await Promise.race([ended, started]);
    await Promise.race([ended, wait(delayMs)]);
    child.kill('SIGKILL');
  }
  const { code, signal } = await ended;
  if (signal === 'SIGKILL') return 'killed';
  expect(errors).toBe('');
  expect(code).toBe(0);
  return 'completed';
}

test(`a run ends with the bytes of an undisturbed one after ${kills} kills at random moments`, {
  timeout: 60_000 + kills * 8000,
}, async () => {
  expect(await runWorker('undisturbed', null)).toBe('completed');
  const expected = contentOf(join(workspace, 'undisturbed'));
  expect(Object.keys(expected).filter((name) => name.startsWith('trajectories'))).toHaveLength(21);
  const random = seededRandom(1);
  let done = 0;
  for (let run = 0; done < kills; run++) {
    let outcome = 'killed';
    while (outcome === 'killed') {
      outcome = await runWorker(`killed-${run}`, done < kills ? random.uniform() * 500 : null);
      if (outcome === 'killed') done += 1;
    }
    const actual = contentOf(join(workspace, `killed-${run}`));
    expect(Object.keys(actual)).toEqual(Object.keys(expected));
    for (const [name, content] of Object.entries(actual)) {
      // Compared outside the matcher, whose difference of two long texts would take minutes.
      expect(content === expected[name], `${name} differs`).toBe(true);
    }
  }
  expect(done).toBeGreaterThanOrEqual(kills);
});
