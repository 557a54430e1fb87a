import { describe, expect, test } from 'vitest';
import { collect, ofType, stepMetrics, toyOptions, toyTeacher } from './toy-run.js';

const meanOf = (values: readonly (number | null | undefined)[]): number =>
  values.reduce<number>((sum, value) => sum + (value ?? Number.NaN), 0) / values.length;
type Events = Awaited<ReturnType<typeof collect>>;
/** Means over the first and the last five steps. */
const ends = (events: Events, name: string): { first: number; last: number } => {
  const values = stepMetrics(events).map((metrics) => metrics[name]);
  return { first: meanOf(values.slice(0, 5)), last: meanOf(values.slice(-5)) };
};

describe('the loop on the toy', () => {
  test('plain GRPO raises accuracy, and logs no penalty', async () => {
    const events = await collect(toyOptions({ steps: 100 }));
    const { first, last } = ends(events, 'accuracy');
    expect(first).toBeLessThan(0.45);
    expect(last).toBeGreaterThan(first + 0.15);
    expect(ends(events, 'reward').last).toBeCloseTo(last, 12);
    expect(stepMetrics(events)[0]).not.toHaveProperty('penalty/divergence');
    expect(ofType(events, 'explanations-end')).toEqual([]);
  });

  test("the penalty brings the block distribution to the teacher's, and the task is learned", async () => {
    const events = await collect(
      toyOptions({
        steps: 100,
        teacher: toyTeacher(),
        reward: {
          lambda: 1,
          divergence: 'jensenShannon',
          gate: 'mixedGroups',
          missing: { 'no-call': 'group-max' },
        },
      }),
    );
    const accuracy = ends(events, 'accuracy');
    expect(accuracy.last).toBeGreaterThan(accuracy.first + 0.15);
    const divergence = ends(events, 'penalty/divergence');
    expect(divergence.last).toBeLessThan(0.5 * divergence.first);
    const requests = ofType(events, 'step-end').map(({ blocks }) => blocks?.student.R);
    expect(meanOf(requests.slice(-5))).toBeGreaterThan(meanOf(requests.slice(0, 5)) + 0.3);
    // The teacher reads the label, so its explanations tell right calls from wrong ones.
    const middle = stepMetrics(events)[60];
    expect(middle?.['signal/window_auc']).toBeGreaterThan(0.6);
    expect(middle?.['signal/window_auc_low']).toBeGreaterThan(0.5);
  });

  test('without a gate the penalty decides groups of equal outcomes, and the run says so', async () => {
    const events = await collect(
      toyOptions({ steps: 20, teacher: toyTeacher(), reward: { lambda: 1 } }),
    );
    const warnings = ofType(events, 'warning').filter(({ code }) => code === 'penalty-decides');
    expect(warnings.length).toBeGreaterThan(0);
    // A rollout without a call has no penalty, so calls die out: the reason for the rule `no-call`.
    expect(stepMetrics(events)[0]?.['tools/call_rate']).toBeGreaterThan(0.6);
    expect(ends(events, 'tools/call_rate').last).toBeLessThan(0.2);
  });
});

describe('an update', () => {
  test('is one of gradient ascent on the advantages: the first step of REINFORCE in closed form', async () => {
    // On-policy the ratio is 1, so ∂loss/∂log p = −A/tokens for each trained token (grpo, two tokens or one).
    const options = toyOptions({
      steps: 1,
      loss: 'grpo',
      reward: { lambda: 0, advantage: 'none' },
    });
    const { student, learningRate = 0 } = options;
    const before = Float32Array.from(student.parameters().W ?? []);
    const rolled: Parameters<typeof student.backward>[] = [];
    const { backward } = student;
    const spied = {
      ...student,
      backward: (...arguments_: Parameters<typeof backward>) => {
        rolled.push(arguments_);
        return backward(...arguments_);
      },
    };
    await collect({ ...options, student: spied });
    const [sequences = [], cotangents = []] = rolled[0] ?? [];
    expect(sequences.length).toBeGreaterThan(0);
    // The same sequences moved by hand: parameters − learning rate · gradient.
    const fresh = toyOptions().student;
    const { gradients } = await fresh.backward(sequences, cotangents, { wrt: 'adapter' });
    const expected = before.map((value, i) => value - learningRate * (gradients.W?.[i] ?? 0));
    expect(Array.from(student.parameters().W ?? [])).toEqual(Array.from(expected));
    const rows = 32;
    for (const [s, row] of cotangents.entries()) {
      const tokens = (sequences[s]?.prompt.sampled.length ?? 0) + 1;
      expect(row.length).toBe(tokens);
      for (const value of row)
        expect(Math.abs(value)).toBeLessThanOrEqual(1 / tokens / rows + 1e-7);
    }
  });

  test('`trainTurns: last` gives tokens of earlier turns no cotangent', async () => {
    const options = toyOptions({ steps: 1, trainTurns: 'last' });
    const seen: Float32Array[] = [];
    const { backward } = options.student;
    const student = {
      ...options.student,
      backward: (...arguments_: Parameters<typeof backward>) => {
        seen.push(...arguments_[1]);
        return backward(...arguments_);
      },
    };
    await collect({ ...options, student });
    const ofTwoTurns = seen.filter((row) => row.length === 2);
    expect(ofTwoTurns.length).toBeGreaterThan(0);
    for (const row of ofTwoTurns) {
      expect(row[0]).toBe(0);
      expect(row[1]).not.toBe(0);
    }
  });

  test('does not depend on the size of micro-batches', async () => {
    const runs = await Promise.all(
      [null, 3].map(async (microBatchSize) => {
        const options = toyOptions({ microBatchSize });
        await collect(options);
        return Array.from(options.student.parameters().W ?? []);
      }),
    );
    for (const [i, value] of (runs[0] ?? []).entries())
      expect(value).toBeCloseTo(runs[1]?.[i] ?? 0, 6);
  });

  test('takes several passes over a batch, the second off-policy', async () => {
    const events = await collect(toyOptions({ steps: 2, updatesPerBatch: 2 }));
    const updates = ofType(events, 'update-end');
    expect(updates.map(({ update }) => update)).toEqual([1, 2, 3, 4]);
    expect(updates[0]?.metrics.approx_kl).toBe(0);
    expect(updates[1]?.metrics.approx_kl).not.toBe(0);
  });

  test('measures KL to a reference', async () => {
    const events = await collect(
      toyOptions({
        loss: { lossType: 'grpo', beta: 0.1 },
        reference: toyOptions().student,
        steps: 3,
      }),
    );
    expect(stepMetrics(events)[0]?.kl).toBe(0);
    expect(stepMetrics(events)[2]?.kl).toBeGreaterThan(0);
  });
});
