import type { PageComparison, PageRun } from '../src/report/page-data';
import { type Curve, chart } from './chart';
import { element, section, show, table } from './dom';

/** Several runs side by side: accuracy over steps, and the end of each with its interval. */
export function comparisonView(
  runs: readonly PageRun[],
  comparison: readonly PageComparison[],
): HTMLElement | null {
  if (comparison.length === 0) return null;
  const names = comparison[0]?.metrics.map(({ name }) => name) ?? [];
  const rows = comparison.map(({ label, runs: count, metrics, over }) => [
    `${label} (${count})`,
    ...metrics.map(({ mean, interval }) =>
      interval === null
        ? short(mean)
        : `${short(mean)} [${short(interval[0])}, ${short(interval[1])}]`,
    ),
    over,
  ]);
  return section('comparison', 'Comparison of runs', [
    element('p', {
      class: 'note',
      text: 'Means with 95 % intervals (Student’s t). Intervals over the steps of one run say how noisy it is, not how another seed would do.',
    }),
    table('End of the runs', ['label (runs)', ...names, 'interval over'], rows),
    ...['accuracy', 'reward'].map((metric) => comparedCurves(runs, metric)),
  ]);
}

/** Three digits: an interval says that further ones mean nothing. */
function short(value: number | null): string {
  return value === null ? '–' : show(Number(value.toPrecision(3)));
}

/** One curve a label, the mean of its runs, with the range that they span. */
function comparedCurves(runs: readonly PageRun[], metric: string): HTMLElement {
  const steps = [...new Set(runs.flatMap((run) => run.steps))].sort((a, b) => a - b);
  const labels = [...new Set(runs.map(({ label }) => label))];
  const curves = labels.map((label): Curve => {
    const members = runs.filter((run) => run.label === label);
    const at = members.map((run) => {
      const values = run.curves[metric] ?? [];
      return new Map(run.steps.map((step, index) => [step, values[index] ?? null]));
    });
    const known = steps.map((step) =>
      at.map((values) => values.get(step) ?? null).filter((value) => value !== null),
    );
    const values = known.map((list) =>
      list.length === 0 ? null : list.reduce((sum, value) => sum + value, 0) / list.length,
    );
    if (members.length < 2) return { label, values };
    return {
      label,
      values,
      low: known.map((list) => (list.length === 0 ? null : Math.min(...list))),
      high: known.map((list) => (list.length === 0 ? null : Math.max(...list))),
    };
  });
  return chart(`${metric}; bands span the runs of a label`, steps, curves);
}
