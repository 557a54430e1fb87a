import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { toyAgent, toyTasks } from '../../test/models/toy-agent.js';
import { compareEvaluations } from './compare-evaluations.js';
import { evaluate } from './evaluate.js';
import { evaluateSets } from './evaluate-sets.js';
import { paperSets } from './paper-sets.js';

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

describe('evaluateSets', () => {
  const sets = { easy: { tasks: toyTasks(6) }, vwtq: { tasks: toyTasks(30) } };

  test('gives each set and their mean, with its interval', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'iapo-sets-'));
    const heard: string[] = [];
    const result = await evaluateSets(student, sets, {
      episode,
      predictions: folder,
      onSet: (name) => heard.push(name),
    });
    expect(heard).toEqual(['easy', 'vwtq']);
    const means = Object.values(result.sets).map(({ accuracy }) => accuracy.mean ?? Number.NaN);
    expect(means).toEqual([1 / 3, 1 / 3]);
    expect(result.mean).toBeCloseTo(1 / 3, 12);
    // Variance of n scores with n/3 ones: (2/9)·n/(n − 1), so s²/n is (2/9)/(n − 1).
    const half = (1.96 * Math.sqrt(2 / 9 / 5 + 2 / 9 / 29)) / 2;
    expect(result.interval?.[0]).toBeCloseTo(1 / 3 - half, 12);
    expect(result.interval?.[1]).toBeCloseTo(1 / 3 + half, 12);
    for (const [name, { predictions }] of Object.entries(result.sets)) {
      const lines = readFileSync(join(folder, `${name}.jsonl`), 'utf8')
        .trim()
        .split('\n');
      expect(lines).toHaveLength(predictions.length);
    }
  });

  test('scores the sets of the paper by their own rules, unless told otherwise', async () => {
    const asked: string[] = [];
    const scorer = (name: string) => ({
      name,
      description: 'Says that it was asked.',
      score: () => {
        asked.push(name);
        return { score: null, reason: 'none' };
      },
    });
    const [task] = toyTasks(1);
    const tasks = [{ ...task!, answers: ['A|B'] }];
    const named = Object.fromEntries(Object.keys(paperSets).map((name) => [name, { tasks }]));
    const result = await evaluateSets(
      teacher,
      { ...named, mine: { tasks }, judged: { tasks, score: { scorer: scorer('judge') } } },
      { episode, score: { scorer: scorer('shared') } },
    );
    expect(asked).toEqual(['shared', 'judge']);
    expect(result.mean).toBeNull();
    expect(Object.keys(paperSets)).toHaveLength(6);
    expect(result.sets['vtabfact']?.predictions[0]?.score).toBe(0);
  });

  test('refuses none', async () => {
    await expect(evaluateSets(teacher, {})).rejects.toMatchObject({ code: 'missing-input' });
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
