import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../src/index.js';
import { contentOf } from './run-files.js';
import { bundleWorker, endOf, start } from './worker.js';

// 200 in CI; by hand: KILLS=1000 npx vitest run --project rl-core kill
const KILLS = Number(process.env.KILLS ?? 200);
const STEPS = 40;
// Chains run side by side so that a kill also meets a busy machine.
const CHAINS = 2;

const workspace = mkdtempSync(join(tmpdir(), 'rl-core-kill-'));
let worker = '';

beforeAll(async () => {
  worker = await bundleWorker();
});

afterAll(() => {
  rmSync(workspace, { recursive: true, force: true });
  rmSync(dirname(worker), { recursive: true, force: true });
});

/** Runs the worker; kills it after `delayMs` if it has not ended by itself. */
async function runWorker(folder: string, delayMs: number | null): Promise<'killed' | 'completed'> {
  const child = start(process.execPath, [worker, folder, String(STEPS)]);
  const started = new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()));
  const ended = endOf(child);
  if (delayMs !== null) {
    // Half of the kills count from the start of the process, so that opening and locking are hit as well.
    const isEarly = delayMs % 2 < 1;
    await Promise.race([ended, isEarly ? wait(60) : started]);
    await Promise.race([ended, wait(delayMs)]);
    child.kill('SIGKILL');
  }
  const { code, signal, errors } = await ended;
  if (signal === 'SIGKILL') return 'killed';
  expect(errors).toBe('');
  expect(code).toBe(0);
  return 'completed';
}

describe('a run that is killed', () => {
  it(`ends with the bytes of an undisturbed one after ${KILLS} kills at random moments`, {
    timeout: 60_000 + KILLS * 1000,
  }, async () => {
    const undisturbed = join(workspace, 'undisturbed');
    expect(await runWorker(undisturbed, null)).toBe('completed');
    const expected = contentOf(undisturbed);
    // The last two checkpoints and the best one, with four files each.
    expect(Object.keys(expected).filter((name) => name.endsWith('manifest.json')).length).toBe(3);

    let kills = 0;
    let finished = 0;
    const chain = async (id: number): Promise<void> => {
      const random = seededRandom(id);
      while (kills < KILLS) {
        const folder = join(workspace, `chain-${id}-${finished}`);
        let outcome = 'killed';
        while (outcome === 'killed') {
          // Once there were enough kills, the runs at hand are finished in peace.
          const delay = kills < KILLS ? random.uniform() * 120 : null;
          outcome = await runWorker(folder, delay);
          if (outcome === 'killed') kills += 1;
        }
        const actual = contentOf(folder);
        expect(Object.keys(actual)).toEqual(Object.keys(expected));
        for (const [name, content] of Object.entries(actual)) {
          // Compared outside the matcher, whose difference of two long texts would take minutes.
          expect(content === expected[name], `${name} differs`).toBe(true);
        }
        finished += 1;
        rmSync(folder, { recursive: true, force: true });
      }
    };
    const chains = await Promise.allSettled(Array.from({ length: CHAINS }, (_, id) => chain(id)));
    for (const result of chains) if (result.status === 'rejected') throw result.reason;
    expect(kills).toBeGreaterThanOrEqual(KILLS);
    expect(finished).toBeGreaterThan(1);
  });
});
