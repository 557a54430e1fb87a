import type { StoredRun } from '../runs/read-run.js';
import { shorten, stepsOf } from './curves.js';
import type { PageComparison } from './page-data.js';

/** What runs are compared by, over the last tenth of their steps. */
const compared: readonly string[] = [
  'accuracy',
  'reward',
  'tools/call_rate',
  'tools/success_rate',
  'penalty/divergence',
  'signal/window_auc',
];

/** 97.5 % quantiles of Student's t for 1 to 30 degrees of freedom; beyond, the normal one is near enough. */
const studentT: readonly number[] = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145,
  2.131, 2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048,
  2.045, 2.042,
];

/** Mean with its 95 % interval by Student's t; no interval for fewer than two values. */
export function meanWithInterval(values: readonly number[]): {
  mean: number | null;
  interval: [number, number] | null;
} {
  const count = values.length;
  if (count === 0) return { mean: null, interval: null };
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count < 2) return { mean, interval: null };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  const half = (studentT[count - 2] ?? 1.96) * Math.sqrt(variance / count);
  return { mean, interval: [mean - half, mean + half] };
}

/**
 * One row a label: runs of one label are one method with several seeds, and their interval is over runs. A single
 * run's interval is over its last steps, which says how noisy they are but nothing about another seed.
 */
export function compareRuns(runs: readonly StoredRun[]): PageComparison[] {
  const labels = new Map<string, StoredRun[]>();
  for (const run of runs) labels.set(run.label, [...(labels.get(run.label) ?? []), run]);
  return [...labels].map(([label, members]) => {
    const last = members.map((run) => {
      const steps = stepsOf(run);
      return steps.slice(-Math.max(1, Math.round(steps.length / 10)));
    });
    const values = (name: string): number[][] =>
      last.map((steps) =>
        steps.flatMap(({ metrics }) => (typeof metrics[name] === 'number' ? [metrics[name]] : [])),
      );
    return {
      label,
      runs: members.length,
      over:
        members.length > 1
          ? `${members.length} runs, the last tenth of their steps`
          : `the last ${last[0]?.length ?? 0} steps of one run`,
      metrics: compared.map((name) => {
        const perRun = values(name).filter((list) => list.length > 0);
        const { mean, interval } = meanWithInterval(
          members.length > 1
            ? perRun.flatMap((list) => meanWithInterval(list).mean ?? [])
            : perRun.flat(),
        );
        return {
          name,
          mean: shorten(mean),
          interval:
            interval === null
              ? null
              : ([shorten(interval[0]) ?? 0, shorten(interval[1]) ?? 0] as const),
        };
      }),
    };
  });
}
