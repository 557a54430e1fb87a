import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { trainIapo } from '../../src/train/train-iapo.js';
import { contentOf } from './run-content.js';
import { collect, ofType, toyOptions, toyTeacher } from './toy-run.js';

const newFolder = (): string => join(mkdtempSync(join(tmpdir(), 'iapo-run-')), 'run');

const options = (runFolder: string, seed = 3) =>
  toyOptions({
    runFolder,
    seed,
    steps: 10,
    teacher: toyTeacher(),
    checkpointEvery: 3,
    keepTrajectories: { everySteps: 2, perStep: 3 },
  });

describe('the same seed', () => {
  test('gives the same bytes: checkpoints, events, trajectories', async () => {
    const folders = [newFolder(), newFolder()];
    for (const folder of folders) await collect(options(folder));
    const [first, second] = folders.map(contentOf);
    expect(Object.keys(first ?? {}).length).toBeGreaterThan(10);
    expect(second).toEqual(first);
  });

  test('gives the same bytes however many calls are explained at a time, the slow ones first', async () => {
    const folders = [newFolder(), newFolder()];
    const teacher = toyTeacher();
    let calls = 0;
    const uneven = {
      ...teacher,
      gradients: async (batch: Parameters<NonNullable<typeof teacher.gradients>>[0]) => {
        await new Promise((resolve) => setTimeout(resolve, calls++ % 2 === 0 ? 3 : 0));
        return teacher.gradients!(batch);
      },
    };
    for (const [index, folder] of folders.entries()) {
      const { explain } = options(folder);
      const concurrency = index === 0 ? 1 : 5;
      await collect({
        ...options(folder),
        steps: 4,
        teacher: uneven,
        explain: { ...explain, concurrency },
      });
    }
    const [first, second] = folders.map(contentOf);
    expect(calls).toBeGreaterThan(10);
    expect(second).toEqual(first);
  });

  test('another seed gives other ones', async () => {
    const folders = [newFolder(), newFolder()];
    for (const [seed, folder] of folders.entries()) await collect(options(folder, seed));
    const [first, second] = folders.map(contentOf);
    expect(second?.['events.jsonl']).not.toEqual(first?.['events.jsonl']);
  });

  test.each([1, 4, 9])(
    'a run left after %i steps and resumed ends with the same bytes',
    async (left) => {
      const [whole, broken] = [newFolder(), newFolder()];
      await collect(options(whole));
      for await (const event of trainIapo(options(broken))) {
        if (event.type === 'step-end' && event.step === left) break;
      }
      const resumed = await collect({ ...options(broken), resume: true });
      const start = ofType(resumed, 'run-start')[0];
      // Left before the step's own checkpoint was saved.
      const saved = 3 * Math.floor((left - 1) / 3);
      expect(start?.resumedFrom).toBe(saved === 0 ? null : saved);
      expect(contentOf(broken)).toEqual(contentOf(whole));
    },
  );

  test('a run stopped by its signal says so and can be resumed', async () => {
    const [whole, broken] = [newFolder(), newFolder()];
    await collect(options(whole));
    const controller = new AbortController();
    const stopped = (async () => {
      for await (const event of trainIapo({ ...options(broken), signal: controller.signal })) {
        if (event.type === 'rollout-end' && event.step === 5) controller.abort();
      }
    })();
    await expect(stopped).rejects.toMatchObject({ name: expect.stringMatching(/Error/) });
    await collect({ ...options(broken), resume: true });
    expect(contentOf(broken)).toEqual(contentOf(whole));
  });

  test('a paused run stops after its step with a checkpoint, and goes on from there', async () => {
    const [whole, broken] = [newFolder(), newFolder()];
    await collect(options(whole));
    const controller = new AbortController();
    const seen: string[] = [];
    for await (const event of trainIapo({ ...options(broken), pause: controller.signal })) {
      seen.push(event.type);
      if (event.type === 'rollout-end' && event.step === 4) controller.abort();
    }
    expect(seen.slice(-2)).toEqual(['checkpoint-saved', 'run-paused']);
    const resumed = await collect({ ...options(broken), resume: true });
    expect(ofType(resumed, 'run-start')[0]?.resumedFrom).toBe(4);
    expect(contentOf(broken)).toEqual(contentOf(whole));
  });

  test('an existing run is not overwritten, and another configuration is refused', async () => {
    const folder = newFolder();
    await collect({ ...options(folder), steps: 2 });
    await expect(collect(options(folder))).rejects.toMatchObject({ code: 'run-exists' });
    await expect(
      collect({ ...options(folder), steps: 2, resume: true, learningRate: 0.1 }),
    ).rejects.toMatchObject({ code: 'config-mismatch' });
  });
});
