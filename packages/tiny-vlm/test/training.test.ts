import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { latestCheckpoint } from '@iapo/rl-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { miniatureRecipe } from './support/miniature-recipe.js';

const script = fileURLToPath(new URL('./support/train-miniature.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tiny-vlm-training-'));
const steps = miniatureRecipe.stages.reduce((sum, stage) => sum + stage.steps, 0);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the training; with `killAt`, sends SIGKILL as soon as that step is said. */
function train(run: string, killAt?: number): Promise<NodeJS.Signals | number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', script, run], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child.on('error', reject);
    child.stdout.on('data', (text: Buffer) => {
      if (killAt !== undefined && text.toString().includes(`step ${killAt}\n`))
        child.kill('SIGKILL');
    });
    child.on('close', (code, signal) => resolve(signal ?? code));
  });
}

const lossesOf = (run: string): number[] =>
  readFileSync(join(run, 'events.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { loss: number }).loss);

describe('training the miniature', () => {
  const whole = join(folder, 'whole');
  const killed = join(folder, 'killed');

  beforeAll(async () => {
    expect(await train(whole)).toBe(0);
  }, 120_000);

  it('makes the loss fall', () => {
    const losses = lossesOf(whole);
    expect(losses).toHaveLength(steps);
    // A uniform guess among 404 tokens costs ln 404 = 6.0 nats; each stage has tokens that are new.
    expect(losses[0]).toBeGreaterThan(5);
    for (const stage of [losses.slice(0, 20), losses.slice(20)]) {
      const last = stage.slice(-3).reduce((sum, loss) => sum + loss, 0) / 3;
      expect(last).toBeLessThan((stage[0] ?? 0) - 1);
    }
  });

  it('ends with the same bytes after two SIGKILLs', async () => {
    // Between checkpoints, in the first and in the second stage.
    expect(await train(killed, 6)).toBe('SIGKILL');
    expect(await train(killed, 27)).toBe('SIGKILL');
    expect(await train(killed)).toBe(0);
    const [first, second] = await Promise.all(
      [whole, killed].map(
        async (run) => (await latestCheckpoint(join(run, 'checkpoints'))).checkpoint,
      ),
    );
    expect(second?.step).toBe(steps);
    expect(second?.state).toEqual(first?.state);
    expect(Object.keys(second?.arrays['weights'] ?? {}).length).toBeGreaterThan(30);
    expect(second?.arrays).toEqual(first?.arrays);
    expect(readFileSync(join(killed, 'events.jsonl'))).toEqual(
      readFileSync(join(whole, 'events.jsonl')),
    );
  }, 120_000);
});
