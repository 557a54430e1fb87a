import { readFileSync } from 'node:fs';
import { klWith } from '@iapo/attribution';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectClose } from '../../test/close.js';
import { type ExplanationPair, iapoReward, type RewardSample } from './iapo-reward.js';

interface WorkedExample {
  readonly student: number[][];
  readonly teacher: number[][];
  readonly lambda: number;
  readonly eps: number;
  readonly outcome: number[];
  readonly kl_student_teacher: number[];
  readonly rewards: number[];
  readonly advantages_sum_then_normalize: { advantages: number[]; metrics: Record<string, number> };
  readonly advantages_two_funcs_gdpo: { advantages: number[]; metrics: Record<string, number> };
  readonly all_correct_group: { rewards: number[]; group: number[]; none: number[] };
}

const example: WorkedExample = JSON.parse(
  readFileSync(
    new URL('../../test/fixtures/attribution-shaped-reward.json', import.meta.url),
    'utf8',
  ),
);
/** Float64 on both sides. */
const tolerance = 1e-9;

const samplesOf = (outcomes: readonly number[]): RewardSample[] =>
  outcomes.map((outcome, i) => ({
    group: 'prompt',
    outcome,
    explanation: { student: example.student[i] ?? [], teacher: example.teacher[i] ?? [] },
  }));
const settings = {
  lambda: example.lambda,
  divergence: klWith({ smoothing: example.eps }),
} as const;

describe('the worked example', () => {
  test('divergences, rewards and advantages of the sum', () => {
    const reward = iapoReward(samplesOf(example.outcome), settings);
    expectClose(
      reward.samples.map(({ divergence }) => divergence),
      example.kl_student_teacher,
      tolerance,
    );
    expectClose(
      reward.samples.map(({ total }) => total),
      example.rewards,
      tolerance,
    );
    const { advantages, metrics } = example.advantages_sum_then_normalize;
    expectClose([...reward.advantages.advantages], advantages, tolerance);
    for (const name of ['reward', 'reward_std', 'frac_reward_zero_std']) {
      expectClose(reward.metrics[name], metrics[name], tolerance, name);
    }
  });

  test('advantages of the parts, normalized separately, and the parts logged apart', () => {
    const reward = iapoReward(samplesOf(example.outcome), { ...settings, scaling: 'separately' });
    const { advantages, metrics } = example.advantages_two_funcs_gdpo;
    expectClose([...reward.advantages.advantages], advantages, tolerance);
    const names = { 'rewards/outcome': 'rewards/func0', 'rewards/attribution': 'rewards/func1' };
    for (const [ours, theirs] of Object.entries(names)) {
      for (const statistic of ['mean', 'std']) {
        expectClose(
          reward.metrics[`${ours}/${statistic}`],
          metrics[`${theirs}/${statistic}`],
          tolerance,
          ours,
        );
      }
    }
  });

  test.each(['group', 'none'] as const)(
    'a group that is right throughout, with scaling "%s"',
    (advantage) => {
      const reward = iapoReward(samplesOf([1, 1, 1, 1]), { ...settings, advantage });
      expectClose(
        reward.samples.map(({ total }) => total),
        example.all_correct_group.rewards,
        tolerance,
      );
      expectClose(
        [...reward.advantages.advantages],
        example.all_correct_group[advantage],
        tolerance,
      );
    },
  );
});

const near: ExplanationPair = { student: [0.5, 0.5], teacher: [0.6, 0.4] };
const far: ExplanationPair = { student: [0.1, 0.9], teacher: [0.9, 0.1] };
const [nearKl, farKl] = [near, far].map(({ student: [a = 0, b = 0], teacher: [c = 0, d = 0] }) => {
  return a * Math.log(a / c) + b * Math.log(b / d);
}) as [number, number];
const plain = { divergence: klWith({ smoothing: 0 }) } as const;

describe('what is left open by the paper', () => {
  const samples: RewardSample[] = [
    { group: 0, outcome: 1, explanation: near },
    { group: 0, outcome: 0, explanation: far },
    { group: 0, outcome: 1, explanation: null, missing: 'no-call' },
    { group: 1, outcome: 0, explanation: null, missing: 'failed' },
  ];
  const penalties = (options: Parameters<typeof iapoReward>[1]): (number | null)[] =>
    iapoReward(samples, { ...plain, ...options }).samples.map(({ penalty }) => penalty);

  test('a missing explanation is null, counted, and its total is the outcome', () => {
    const reward = iapoReward(samples, plain);
    expect(reward.samples[2]).toEqual({
      outcome: 1,
      divergence: null,
      penalty: null,
      missing: 'no-call',
      total: 1,
    });
    expect(reward.missing).toMatchObject({ 'no-call': 1, failed: 1, degenerate: 0 });
  });

  test('rules for missing ones: mean, maximum and a number', () => {
    expectClose(
      penalties({ missing: { 'no-call': 'group-mean', failed: 2 } }),
      [nearKl, farKl, (nearKl + farKl) / 2, 2],
      1e-12,
    );
    expectClose(
      penalties({ missing: { 'no-call': 'group-max' } }),
      [nearKl, farKl, farKl, null],
      1e-12,
    );
    // A group without any explanation has no mean.
    expect(penalties({ missing: { failed: 'group-mean' } })[3]).toBeNull();
  });

  test('a cap holds for substitutes from the group too, and the measured divergence is kept', () => {
    const reward = iapoReward(samples, { ...plain, cap: 0.5, missing: { 'no-call': 'group-max' } });
    expectClose(
      reward.samples.map(({ penalty }) => penalty),
      [nearKl, 0.5, 0.5, null],
      1e-12,
    );
    expectClose(reward.samples[1]?.divergence, farKl, 1e-12);
  });

  test('gates: groups with different outcomes only, wrong answers only', () => {
    const right: RewardSample[] = samples.map((sample) => ({ ...sample, outcome: 1 }));
    expect(
      iapoReward(right, { gate: 'mixedGroups' }).samples.map(({ penalty }) => penalty),
    ).toEqual([null, null, null, null]);
    expect(iapoReward(right, { gate: 'mixedGroups' }).missing.gated).toBe(4);
    expect(penalties({ gate: 'wrongAnswers' })[0]).toBeNull();
    expectClose(penalties({ gate: 'wrongAnswers' })[1], farKl, 1e-12);
  });

  test('a gate of your own', () => {
    const gate = { name: 'never', applies: () => false };
    expect(iapoReward(samples, { gate }).samples.map(({ total }) => total)).toEqual([1, 0, 1, 0]);
  });

  test('λ rises, stays and falls', () => {
    const at = (step: number, options: object): number =>
      iapoReward(samples, { lambda: 2, position: { step, totalSteps: 10 }, ...options }).lambda;
    expect(at(7, {})).toBe(2);
    expect([1, 2, 4, 5].map((step) => at(step, { lambdaWarmupSteps: 4 }))).toEqual([0.5, 1, 2, 2]);
    expect(at(1, { lambdaSchedule: 'linear' })).toBe(2);
    expect(at(6, { lambdaSchedule: 'linear' })).toBeCloseTo(1, 12);
    expect(at(10, { lambdaSchedule: 'cosine', lambdaMinimumFactor: 0.5 })).toBeGreaterThanOrEqual(
      1,
    );
  });

  test('an unscorable outcome takes the sample out, penalty and further parts included', () => {
    const group: RewardSample[] = [
      { group: 0, outcome: null, explanation: far },
      { group: 0, outcome: 1, explanation: near },
      { group: 0, outcome: 0, explanation: near },
    ];
    const parts = [{ name: 'bonus', weight: 1, values: [5, 1, 0] }];
    const reward = iapoReward(group, { parts });
    expect(reward.samples[0]?.total).toBeNull();
    expect([...reward.advantages.advantages][0]).toBe(0);
    expect(reward.metrics['rewards/bonus/mean']).toBe(0.5);
  });

  test('further parts are weighed and logged apart', () => {
    const parts = [{ name: 'tool_failure', weight: -0.5, values: [0, 1, null, 0] }];
    const reward = iapoReward(samples, { lambda: 0, parts });
    expect(reward.samples.map(({ total }) => total)).toEqual([1, -0.5, 1, 0]);
    expect(reward.metrics['rewards/tool_failure/mean']).toBeCloseTo(1 / 3, 12);
  });

  test.each([
    [{ lambda: -1 }, '`lambda` must be at least 0'],
    [{ cap: 0 }, '`cap` must be above 0'],
    [{ missing: { failed: -1 } }, 'must be at least 0'],
    [{ missing: { failed: 'group-men' } }, 'Known: none, group-mean'],
    [{ scaling: 'apart' }, 'Known: together, separately'],
    [{ gate: 'some' }, 'Known: all, mixedGroups'],
    [{ divergence: 'kll' }, 'Known: kl, reverseKl'],
    [{ advantage: 'groups' }, 'Known: group, batch'],
    [{ lambdaSchedule: 'linaer', position: { step: 1, totalSteps: 2 } }, 'Known: constant'],
  ])('refuses %j', (options, message) => {
    expect(() => iapoReward(samples, options as object)).toThrow(message);
  });

  test('refuses an outcome that is no number', () => {
    expect(() => iapoReward([{ group: 0, outcome: Number.NaN, explanation: null }])).toThrow(
      /sample 0 is NaN/,
    );
  });
});

test('the order of rollouts does not matter', () => {
  const share = fc
    .array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 })
    .map((values) => values.map((value) => value / values.reduce((sum, x) => sum + x, 0)));
  const sample = fc.record({
    group: fc.integer({ min: 0, max: 2 }),
    outcome: fc.option(fc.constantFrom(0, 0.5, 1), { nil: null }),
    explanation: fc.option(fc.record({ student: share, teacher: share }), { nil: null }),
  });
  fc.assert(
    fc.property(fc.array(sample, { minLength: 2, maxLength: 9 }), (samples) => {
      const forwards = iapoReward(samples);
      const backwards = iapoReward(samples.toReversed());
      expectClose(
        [...backwards.advantages.advantages].reverse(),
        [...forwards.advantages.advantages],
        1e-9,
      );
      for (const { total, outcome, penalty } of forwards.samples) {
        if (outcome === null) expect(total).toBeNull();
        else expectClose(total, outcome - 0.5 * (penalty ?? 0), 1e-12);
      }
    }),
    { numRuns: 100, seed: 9 },
  );
});
