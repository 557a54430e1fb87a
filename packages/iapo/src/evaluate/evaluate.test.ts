import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { toyAgent, toyTasks } from '../../test/models/toy-agent.js';
import { compareEvaluations } from './compare-evaluations.js';
import { evaluate } from './evaluate.js';

const teacher = toyAgent('knows', { favorsCalls: 4, knowsLabels: 6, readsGray: 4 });
const student = toyAgent('guesses', { favorsCalls: 4, readsGray: 4 });
const tasks = toyTasks(30);
const episode = { dialect: 'hermes' } as const;

describe('evaluate', () => {
  test('a model that knows how is right every time, one that calls "A" a third of the time', async () => {
    const right = await evaluate(teacher, tasks, { episode });
    expect(right.accuracy).toMatchObject({ mean: 1, count: 30, unscorable: 0 });
    expect(right.callRate).toBe(1);
    expect(right.toolSuccess).toBe(1);
    // Wilson's interval for 30 of 30: 30/(30 + z²).
    expect(right.accuracy.interval?.[0]).toBeCloseTo(30 / (30 + 1.959963984540054 ** 2), 12);
    const third = await evaluate(student, tasks, { episode });
    expect(third.accuracy.mean).toBeCloseTo(1 / 3, 12);
  });

  test('without tools there is no call, and with failing tools no edited picture', async () => {
    const without = await evaluate(teacher, tasks, { episode, mode: 'without-tools' });
    expect(without.predictions.every(({ calls }) => calls.length === 0)).toBe(true);
    const failing = await evaluate(teacher, tasks, { episode, mode: 'tools-fail' });
    expect(failing.toolSuccess).toBe(0);
    expect(failing.accuracy.mean).toBe(0);
    await expect(
      evaluate(teacher, tasks, { episode, mode: 'no-tools' as never }),
    ).rejects.toMatchObject({ code: 'unknown-name' });
  });

  test('predictions do not depend on the batch, and are kept as JSONL', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'iapo-eval-')), 'deep', 'predictions.jsonl');
    const sampled = { ...episode, temperature: 1 };
    const whole = await evaluate(student, tasks, { episode: sampled, predictions: path });
    const parts = await evaluate(student, tasks, { episode: sampled, batchSize: 7 });
    expect(parts).toEqual(whole);
    const lines = readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toEqual(whole.predictions);
    expect(lines[0]).toMatchObject({ id: 'toy-0' });
    expect(lines.map(({ calls }) => calls)).toContainEqual([{ name: 'crop', ok: true }]);
  });

  test('refuses an empty data set', async () => {
    await expect(evaluate(teacher, [])).rejects.toMatchObject({ code: 'missing-input' });
  });
});

describe('compareEvaluations', () => {
  const scored = (scores: readonly (number | null)[]) =>
    scores.map((score, index) => ({ id: String(index), score }));

  test('pairs by task: a model beside itself differs by exactly 0', () => {
    const one = scored([1, 0, 1, 1, 0]);
    expect(compareEvaluations(one, one)).toEqual({ difference: 0, interval: [0, 0], tasks: 5 });
  });

  test('the interval is that of the mean of differences (normal approximation, n = 400)', () => {
    // Differences +1 in a fifth of tasks, else 0: mean 0.2, standard error √(0.2·0.8/400) = 0.02.
    const first = scored(Array.from({ length: 400 }, () => 0));
    const second = scored(Array.from({ length: 400 }, (_, index) => (index % 5 === 0 ? 1 : 0)));
    const { difference, interval } = compareEvaluations(first, second);
    expect(difference).toBeCloseTo(0.2, 12);
    expect(interval[0]).toBeCloseTo(0.2 - 1.96 * 0.02, 2);
    expect(interval[1]).toBeCloseTo(0.2 + 1.96 * 0.02, 2);
  });

  test('leaves out what one side could not score', () => {
    expect(compareEvaluations(scored([1, null]), scored([0, 1])).tasks).toBe(1);
    expect(() => compareEvaluations(scored([null]), scored([1]))).toThrow(/No task/);
  });
});
