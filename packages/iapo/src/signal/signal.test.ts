import { seededRandom } from '@iapo/rl-core';
import { describe, expect, test } from 'vitest';
import { type AgreementSample, groupAgreements, rankAgreement } from './rank-agreement.js';
import { SignalTracker } from './signal-health.js';

const sample = (
  group: number,
  outcome: number | null,
  divergence: number | null,
): AgreementSample => ({
  group,
  outcome,
  divergence,
});

describe('rank agreement of penalty and outcome', () => {
  test('counts pairs inside groups only, ties one half', () => {
    const groups = groupAgreements([
      sample(0, 1, 0.1),
      sample(0, 0, 0.2), // ordered
      sample(0, 0, 0.1), // tie
      sample(1, 1, 0.9),
      sample(1, 0, 0.3), // wrong way round
      sample(2, 1, 0.1),
      sample(2, 1, 0.5), // no pair
      sample(3, null, 0.1),
      sample(3, 0, null),
    ]);
    expect(groups).toEqual([
      { pairs: 2, ordered: 1.5 },
      { pairs: 1, ordered: 0 },
    ]);
    // A = 1.5/3; residuals 1.5 − 0.5·2 and 0 − 0.5·1; se² = 2/1 · (0.25 + 0.25)/9 = 1/9, half = 1.96/3.
    const agreement = rankAgreement(groups);
    expect(agreement.auc).toBe(0.5);
    expect(agreement.interval?.[0]).toBe(0);
    expect(agreement.interval?.[1]).toBe(1);
    expect(agreement.groups).toBe(2);
  });

  test('is null, not a number, without a pair, and has no interval with one group', () => {
    expect(rankAgreement([])).toEqual({ auc: null, interval: null, groups: 0, pairs: 0 });
    expect(rankAgreement([{ pairs: 4, ordered: 4 }]).interval).toBeNull();
  });

  test('the interval covers the true value about 95 times in 100', () => {
    // Right answers draw from U(0, 1), wrong ones from U(0, 1) + 0.2: P(right < wrong) = 1 − 0.8²/2 = 0.68.
    const random = seededRandom(4);
    const repeats = 400;
    let covered = 0;
    for (let repeat = 0; repeat < repeats; repeat++) {
      const samples = Array.from({ length: 40 }, (_, group) =>
        Array.from({ length: 8 }, () => {
          const outcome = random.uniform() < 0.4 ? 1 : 0;
          return sample(group, outcome, random.uniform() + (outcome === 1 ? 0 : 0.2));
        }),
      ).flat();
      const { interval } = rankAgreement(groupAgreements(samples));
      if (interval !== null && interval[0] <= 0.68 && 0.68 <= interval[1]) covered++;
    }
    // Binomial(400, 0.95) has a standard deviation of 0.011; the interval of a ratio is a little narrow.
    expect(covered / repeats).toBeGreaterThan(0.91);
    expect(covered / repeats).toBeLessThan(0.985);
  });
});

describe('SignalTracker', () => {
  const step = (divergences: readonly [number, number]) => [
    { ...sample(0, 1, divergences[0]), penalty: divergences[0] },
    { ...sample(0, 0, divergences[1]), penalty: divergences[1] },
  ];

  test('looks back over a window, and its state brings it back', () => {
    const tracker = new SignalTracker({ windowSteps: 2 });
    expect(tracker.add(step([0.1, 0.2])).step.auc).toBe(1);
    expect(tracker.add(step([0.2, 0.1])).window.auc).toBe(0.5);
    const copy = new SignalTracker({ windowSteps: 2 });
    copy.restore(JSON.parse(JSON.stringify(tracker.state())));
    expect(tracker.add(step([0.2, 0.1])).window.auc).toBe(0);
    expect(copy.add(step([0.2, 0.1])).window.auc).toBe(0);
  });

  test('names groups where the outcome is constant and the penalty is not', () => {
    const health = new SignalTracker().add([
      { ...sample(5, 1, 0.1), penalty: 0.1 },
      { ...sample(5, 1, 0.4), penalty: 0.4 },
      { ...sample(6, 1, 0.1), penalty: null },
      { ...sample(6, 1, 0.4), penalty: null },
      { ...sample(7, 0, 0.1), penalty: 0.1 },
      { ...sample(7, 1, 0.4), penalty: 0.4 },
    ]);
    expect(health.decidedByPenalty).toEqual([5]);
  });
});
