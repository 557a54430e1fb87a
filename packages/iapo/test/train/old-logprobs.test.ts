import { describe, expect, test } from 'vitest';
import { collect, ofType, stepMetrics, toyOptions } from './toy-run.js';

/** A run, and how many sequences the student scored. */
async function run(options: Parameters<typeof toyOptions>[0]) {
  const { student, ...rest } = toyOptions(options);
  let scored = 0;
  const counting = {
    ...student,
    logprobs: (...request: Parameters<typeof student.logprobs>) => {
      scored += request[0].length;
      return student.logprobs(...request);
    },
  };
  const events = await collect({ ...rest, student: counting });
  return { events, scored };
}

describe('log-probabilities before an update, as they were sampled', () => {
  test('give the same training without a forward pass', async () => {
    const plain = await run({});
    const saved = await run({ oldLogprobs: 'sampled' });
    expect(plain.scored).toBe(4 * 4 * 8);
    expect(saved.scored).toBe(0);
    const losses = (events: typeof plain.events) =>
      ofType(events, 'update-end').map(({ loss, gradientNorm }) => [loss, gradientNorm]);
    expect(losses(saved.events).length).toBeGreaterThan(2);
    for (const [index, [loss, norm]] of losses(saved.events).entries()) {
      const [expectedLoss, expectedNorm] = losses(plain.events)[index] ?? [];
      expect(loss).toBeCloseTo(expectedLoss ?? Number.NaN, 10);
      expect(norm).toBeCloseTo(expectedNorm ?? Number.NaN, 10);
    }
    const [first] = stepMetrics(saved.events);
    expect(first).toMatchObject({ entropy: null, 'ratio/min': 1, 'ratio/max': 1 });
    expect(stepMetrics(plain.events)[0]?.entropy).toBeGreaterThan(0);
  });

  test('are compared with the policy in further updates', async () => {
    const { events, scored } = await run({ oldLogprobs: 'sampled', updatesPerBatch: 2, steps: 1 });
    expect(scored).toBe(4 * 8);
    const [, second] = ofType(events, 'update-end');
    expect(second?.metrics['ratio/max']).toBeGreaterThan(1);
  });

  test('cannot pay for entropy', async () => {
    const paid = run({ oldLogprobs: 'sampled', loss: { entropyCoef: 0.01 } });
    await expect(paid).rejects.toThrow(/entrop/);
  });
});
