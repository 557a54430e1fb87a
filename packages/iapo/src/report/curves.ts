import type { StoredRun } from '../runs/read-run.js';
import type { PageRun } from './page-data.js';

/** Points of a curve; longer runs are averaged, so that the page stays small. */
const mostPoints = 1000;
/** Digits of a value: what a chart can show. */
const digits = 5;

/** Rounds to what a chart can show; `null` stays. */
export function shorten(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(digits));
}

type StepEnd = Extract<StoredRun['events'][number], { type: 'step-end' }>;

/** Steps of a run, in order; a step that was done again after a crash counts once, as it was last. */
export function stepsOf({ events }: StoredRun): StepEnd[] {
  const steps = new Map<number, StepEnd>();
  for (const event of events) if (event.type === 'step-end') steps.set(event.step, event);
  return [...steps.values()].sort((a, b) => a.step - b.step);
}

/** The metrics and block shares of a run over its steps. */
export function curvesOf(
  run: StoredRun,
): Pick<PageRun, 'steps' | 'stepsPerPoint' | 'curves' | 'blocks'> {
  const steps = stepsOf(run);
  const stepsPerPoint = Math.max(1, Math.ceil(steps.length / mostPoints));
  const buckets = Array.from({ length: Math.ceil(steps.length / stepsPerPoint) }, (_, k) =>
    steps.slice(k * stepsPerPoint, (k + 1) * stepsPerPoint),
  );
  const curve = (read: (step: StepEnd) => number | null | undefined): (number | null)[] =>
    buckets.map((bucket) => {
      const known = bucket.map(read).filter((value) => typeof value === 'number');
      return known.length === 0
        ? null
        : shorten(known.reduce((sum, value) => sum + value, 0) / known.length);
    });
  const names = (read: (step: StepEnd) => Readonly<Record<string, unknown>>): string[] => [
    ...new Set(steps.flatMap((step) => Object.keys(read(step)))),
  ];
  const shares = (who: 'student' | 'teacher'): Record<string, (number | null)[]> =>
    Object.fromEntries(
      names((step) => step.blocks?.[who] ?? {}).map((name) => [
        name,
        curve((step) => (step.blocks === null ? null : (step.blocks[who][name] ?? 0))),
      ]),
    );
  return {
    steps: buckets.map((bucket) => bucket.at(-1)?.step ?? 0),
    stepsPerPoint,
    curves: Object.fromEntries(
      names((step) => step.metrics).map((name) => [name, curve((step) => step.metrics[name])]),
    ),
    blocks: { student: shares('student'), teacher: shares('teacher') },
  };
}
