import type { PageRun } from '../src/report/page-data';
import { type Curve, chart } from './chart';
import { element, section } from './dom';

interface Group {
  readonly title: string;
  readonly metrics: readonly string[];
  readonly range?: readonly [number, number];
}

/** Charts of the first section, by what a reader asks first. */
const groups: readonly Group[] = [
  { title: 'Accuracy', metrics: ['accuracy', 'episodes/answered'], range: [0, 1] },
  { title: 'Reward', metrics: ['reward', 'rewards/outcome/mean', 'rewards/attribution/mean'] },
  {
    title: 'Divergence of student and teacher',
    metrics: ['penalty/divergence', 'penalty/penalty'],
  },
  { title: 'λ and share of rollouts explained', metrics: ['penalty/lambda', 'penalty/explained'] },
  {
    title: 'Tool use',
    metrics: ['tools/call_rate', 'tools/success_rate'],
    range: [0, 1],
  },
  { title: 'Entropy, nats', metrics: ['entropy'] },
  { title: 'KL, nats', metrics: ['kl', 'approx_kl'] },
  { title: 'Gradient norm', metrics: ['grad_norm'] },
  { title: 'Loss', metrics: ['loss'] },
  { title: 'Length, tokens', metrics: ['completions/mean_length', 'completions/max_length'] },
];

/** Curves of a run; a metric that it never measured has none. */
export function curvesView(run: PageRun): HTMLElement {
  const charts = groups.flatMap(({ title, metrics, range }) => {
    const curves = metrics.flatMap((label): Curve[] => {
      const values = run.curves[label];
      return values === undefined || values.every((value) => value === null)
        ? []
        : [{ label, values }];
    });
    return curves.length === 0 ? [] : [chart(title, run.steps, curves, range)];
  });
  const signal = signalChart(run);
  const note =
    run.stepsPerPoint === 1
      ? []
      : [
          element('p', {
            class: 'note',
            text: `Each point is the mean of ${run.stepsPerPoint} steps.`,
          }),
        ];
  return section('curves', 'Curves', [
    ...note,
    element('div', { class: 'grid' }, [...charts.slice(0, 4), ...signal, ...charts.slice(4)]),
  ]);
}

/** AUC over the last steps with its interval: above 0.5 the teacher's explanations say something. */
function signalChart(run: PageRun): HTMLElement[] {
  const [values, low, high] = ['', '_low', '_high'].map(
    (end) => run.curves[`signal/window_auc${end}`],
  );
  if (values === undefined || values.every((value) => value === null)) return [];
  const curve = { label: 'AUC', values, ...(low && high ? { low, high } : {}) };
  const chance = { label: 'chance', values: values.map(() => 0.5) };
  return [
    chart(
      'Does a small divergence go with a right answer? AUC, 95 % interval',
      run.steps,
      [curve, chance],
      [0, 1],
    ),
  ];
}
