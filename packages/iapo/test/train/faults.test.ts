import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AttributionCache } from '@iapo/attribution';
import { visualTools } from '@iapo/vqa-tools';
import { describe, expect, test } from 'vitest';
import { callJudge } from '../../src/rewards/call-judge.js';
import { teacherLogprob } from '../../src/rewards/teacher-logprob.js';
import { toolFailure } from '../../src/rewards/tool-failure.js';
import { toyTasks, vocabulary } from '../models/toy-agent.js';
import { collect, ofType, stepMetrics, toyOptions, toyTeacher } from './toy-run.js';

describe('a teacher', () => {
  test('that throws is counted, told about, and the run goes on', async () => {
    const teacher = {
      ...toyTeacher(),
      gradients: () => {
        throw new Error('out of memory');
      },
    };
    const events = await collect(toyOptions({ teacher }));
    const [metrics] = stepMetrics(events);
    expect(metrics?.['penalty/missing/failed']).toBeGreaterThan(0);
    expect(metrics?.['penalty/explained']).toBe(0);
    expect(metrics?.['rewards/attribution/mean']).toBeNull();
    expect(metrics?.reward).toBe(metrics?.accuracy);
    expect(ofType(events, 'explanations-end')[0]?.failures[0]?.reason).toMatch(/out of memory/);
    expect(ofType(events, 'warning').map(({ code }) => code)).toContain('no-explanation');
    expect(ofType(events, 'run-end')).toHaveLength(1);
  });

  test('that throws stops the run when asked to', async () => {
    const teacher = {
      ...toyTeacher(),
      encode: () => Promise.reject(new Error('no connection')),
    };
    await expect(collect(toyOptions({ teacher, explain: { onFailure: 'stop' } }))).rejects.toThrow(
      /no connection/,
    );
  });

  test('that throws is asked no further when the run is to stop', async () => {
    let asked = 0;
    const teacher = {
      ...toyTeacher(),
      encode: async () => {
        asked++;
        throw new Error('no connection');
      },
    };
    const stopping = toyOptions({ teacher, explain: { onFailure: 'stop', concurrency: 2 } });
    await expect(collect(stopping)).rejects.toThrow(/no connection/);
    expect(asked).toBe(2);
    await expect(
      collect(toyOptions({ teacher, explain: { concurrency: 0 } })),
    ).rejects.toMatchObject({ message: expect.stringContaining('explain.concurrency') });
  });

  test('that hangs is left after the time limit', async () => {
    const teacher = {
      ...toyTeacher(),
      gradients: () => new Promise<never>(() => {}),
    };
    const events = await collect(
      toyOptions({ teacher, steps: 1, promptsPerStep: 1, explain: { timeoutMs: 5 } }),
    );
    expect(ofType(events, 'explanations-end')[0]?.failures[0]?.reason).toMatch(/time/i);
  });

  test.each([
    [
      'NaN gradients',
      { logprobs: Float64Array.of(-1), gradients: new Float64Array(1e4).fill(Number.NaN) },
    ],
    ['too few numbers', { logprobs: Float64Array.of(-1), gradients: new Float64Array(3) }],
  ])('that answers garbage (%s) counts as failed', async (_, garbage) => {
    const teacher = { ...toyTeacher(), gradients: () => garbage };
    const events = await collect(toyOptions({ teacher, steps: 1 }));
    expect(stepMetrics(events)[0]?.['penalty/missing/failed']).toBeGreaterThan(0);
    expect(stepMetrics(events)[0]?.['penalty/explained']).toBe(0);
  });

  test('of another vocabulary reads the call through its text', async () => {
    // The same model with its tokens numbered backwards.
    const inner = toyTeacher();
    const size = vocabulary.length;
    const turn = (ids: readonly number[]): number[] => ids.map((id) => size - 1 - id);
    const teacher = {
      ...inner,
      id: 'backwards',
      decode: (ids: readonly number[]) => inner.decode(turn(ids)),
      gradients: (batch: Parameters<NonNullable<typeof inner.gradients>>[0]) =>
        inner.gradients!({ ...batch, completion: turn(batch.completion) }),
      embeddingLogprobs: (batch: Parameters<NonNullable<typeof inner.embeddingLogprobs>>[0]) =>
        inner.embeddingLogprobs!({ ...batch, completion: turn(batch.completion) }),
    };
    const tokenize = (text: string): number[] => turn([vocabulary.indexOf(text)]);
    const plain = await collect(toyOptions({ teacher: inner, steps: 2 }));
    const translated = await collect(toyOptions({ teacher: { ...teacher, tokenize }, steps: 2 }));
    expect(stepMetrics(translated)).toEqual(stepMetrics(plain));
    const events = await collect(toyOptions({ teacher, steps: 1 }));
    expect(ofType(events, 'explanations-end')[0]?.failures[0]?.reason).toMatch(/no `tokenize`/);
  });

  test('explains its own calls when asked to', async () => {
    const inner = toyTeacher();
    let asked = 0;
    const teacher = {
      ...inner,
      sample: (...request: Parameters<typeof inner.sample>) => {
        asked++;
        return inner.sample(...request);
      },
    };
    const events = await collect(
      toyOptions({ teacher, steps: 1, explain: { who: 'own-calls', concurrency: 3 } }),
    );
    expect(stepMetrics(events)[0]?.['penalty/explained']).toBeGreaterThan(0.5);
    // Its call for a prompt is the same, whatever the student's are, also when several are explained at once.
    expect(ofType(events, 'explanations-end')[0]?.distinctCalls).toBeGreaterThan(4);
    expect(asked).toBe(4);
    const { sample: _, ...mute } = toyTeacher();
    const refused = await collect(
      toyOptions({ teacher: mute, steps: 1, explain: { who: 'own-calls' } }),
    );
    expect(ofType(refused, 'explanations-end')[0]?.failures[0]?.reason).toMatch(/has no `sample`/);
  });

  test('is asked once for equal calls, and not again in another run with the same cache', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'iapo-cache-')), 'teacher.jsonl');
    let asked = 0;
    const inner = toyTeacher();
    const teacher = {
      ...inner,
      gradients: (batch: Parameters<NonNullable<typeof inner.gradients>>[0]) => {
        asked += 1;
        return inner.gradients!(batch);
      },
    };
    const run = () => collect(toyOptions({ teacher, steps: 3, explain: { teacherCache: path } }));
    const first = await run();
    expect(asked).toBeGreaterThan(0);
    const { size } = await AttributionCache.open(path);
    // 4 tasks a step and 4 kinds of call: never more explanations than distinct calls.
    const distinct = ofType(first, 'explanations-end').reduce((sum, e) => sum + e.distinctCalls, 0);
    expect(size).toBeLessThanOrEqual(distinct);
    asked = 0;
    const second = await run();
    expect(asked).toBe(0);
    expect(stepMetrics(second)).toEqual(stepMetrics(first));
  });
});

describe('which calls are explained', () => {
  test('a budget of distinct calls, the rest counted', async () => {
    const events = await collect(
      toyOptions({ teacher: toyTeacher(), steps: 2, explain: { budget: 2 } }),
    );
    for (const event of ofType(events, 'explanations-end')) {
      expect(event.chosen).toBe(2);
      expect(event.missing['not-explained']).toBeGreaterThan(0);
    }
  });

  test('every second step', async () => {
    const events = await collect(toyOptions({ teacher: toyTeacher(), explain: { everySteps: 2 } }));
    expect(ofType(events, 'explanations-end').map(({ chosen }) => chosen > 0)).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });
});

describe('a student', () => {
  const broken = (gradients: Record<string, Float32Array>) => ({
    ...toyOptions().student,
    backward: async () => ({ gradients }),
  });

  test('with a gradient that is not finite stops the run and names the task', async () => {
    const student = broken({ W: new Float32Array(4).fill(Number.NaN) });
    await expect(collect(toyOptions({ student }))).rejects.toThrow(
      /gradient of task "toy-.*is not finite/,
    );
  });

  test('with a gradient that is not finite can be let through, counted, unchanged', async () => {
    const student = broken({ W: new Float32Array(4).fill(Number.NaN) });
    const before = Float32Array.from(student.parameters().W ?? []);
    const events = await collect(toyOptions({ student, steps: 2, onNonFinite: 'skip' }));
    expect(ofType(events, 'update-skipped').map(({ reason }) => reason)).toEqual([
      'non-finite',
      'non-finite',
    ]);
    expect(student.parameters().W).toEqual(before);
  });

  test('that scores another number of tokens is refused', async () => {
    const student = { ...toyOptions().student, logprobs: async () => [{ logprobs: [] }] };
    await expect(collect(toyOptions({ student }))).rejects.toThrow(
      /expected the \d that were sampled/,
    );
  });

  test('that throws while sampling ends the run with its error', async () => {
    const student = {
      ...toyOptions().student,
      sample: () => Promise.reject(new Error('session lost')),
    };
    await expect(collect(toyOptions({ student }))).rejects.toThrow('session lost');
  });
});

describe('tools, scorers and data', () => {
  test('a tool that throws fails its call and is counted', async () => {
    const crop = {
      ...visualTools.crop,
      run: () => Promise.reject(new Error('scissors broke')),
    };
    const events = await collect(
      toyOptions({ episode: { dialect: 'hermes', tools: { crop } }, steps: 1 }),
    );
    expect(stepMetrics(events)[0]?.['tools/success_rate']).toBe(0);
    expect(stepMetrics(events)[0]?.['tools/failed_calls']).toBeGreaterThan(0);
  });

  test('a scorer that throws stops the run, or leaves samples out', async () => {
    const scorer = {
      name: 'moody',
      description: '',
      score: () => {
        throw new Error('judge is down');
      },
    };
    await expect(collect(toyOptions({ score: { scorer } }))).rejects.toThrow(
      /"moody" failed on task "toy-\d+": judge is down/,
    );
    const events = await collect(
      toyOptions({ score: { scorer, onScoreError: 'unscorable' }, steps: 1 }),
    );
    expect(stepMetrics(events)[0]?.unscorable).toBeGreaterThan(0);
  });

  test.each([
    [{ tasks: [] }, '`tasks` is empty'],
    [{ steps: 0 }, '`steps` must be an integer of at least 1'],
    [{ loss: { beta: 0.1 } }, '`reference` is missing'],
    [{ reward: { lambda: 1 } }, '`teacher` is missing'],
    [{ loss: 'dapoo' }, 'dapoo'],
    [{ schedule: 'linaer' as never }, 'Known: constant'],
    [{ explain: { budget: 0 } }, '`explain.budget`'],
  ])('refuses %j', async (options, message) => {
    await expect(collect(toyOptions(options))).rejects.toThrow(message);
  });
});

describe('baselines as further parts of the reward', () => {
  test('a penalty on failed calls (ToRL)', async () => {
    const events = await collect(
      toyOptions({ steps: 1, rewards: [{ weight: -0.5, reward: toolFailure }] }),
    );
    const [metrics] = stepMetrics(events);
    const failed = metrics?.['rewards/tool_failure/mean'] ?? 0;
    expect(failed).toBeGreaterThanOrEqual(0);
    expect(metrics?.reward).toBeCloseTo((metrics?.accuracy ?? 0) - 0.5 * failed, 12);
  });

  test('a judge of calls (TRM)', async () => {
    const tasks = toyTasks(6);
    const judge = callJudge(({ call }, task) => {
      const asked = 'ABC'.indexOf(task.question?.split(' ')[2] ?? '');
      return (call.arguments.box as number[])[0] === 4 * asked ? 1 : 0;
    });
    const run = collect(toyOptions({ tasks, steps: 60, rewards: [{ weight: 1, reward: judge }] }));
    const rates = stepMetrics(await run).map((metrics) => metrics['rewards/call_judge/mean'] ?? 0);
    expect(rates.at(-1)).toBeGreaterThan((rates[0] ?? 0) + 0.3);
  });

  test("the teacher's log-probability of the call", async () => {
    const options = toyOptions({ steps: 60 });
    const { crop } = visualTools;
    const reward = teacherLogprob(options.student, toyTeacher(), { tools: { crop } });
    const events = await collect({ ...options, rewards: [{ weight: 0.2, reward }] });
    const values = stepMetrics(events).map(
      (metrics) => metrics['rewards/teacher_logprob/mean'] ?? 0,
    );
    expect(values[0]).toBeLessThan(-1);
    expect(values.at(-1)).toBeGreaterThan((values[0] ?? 0) + 1);
  });

  test('a reward of the wrong length is refused', async () => {
    const reward = { name: 'short', values: () => [1] };
    await expect(collect(toyOptions({ rewards: [{ weight: 1, reward }] }))).rejects.toThrow(
      /"short" gave 1 values for 32/,
    );
  });
});
