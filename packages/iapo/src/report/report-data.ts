import type { StoredRun } from '../runs/read-run.js';
import { listTrajectorySteps, readTrajectories } from '../runs/trajectory-files.js';
import { compareRuns } from './compare-runs.js';
import { curvesOf, stepsOf } from './curves.js';
import type { PageData, PagePicture, PageRun, PageTrajectory, PageWarning } from './page-data.js';
import { pageTrajectory } from './page-trajectory.js';

/** Bytes that trajectories and their pictures may take: the page stays below 3 MB with its script and curves. */
const trajectoryBudget = 1_800_000;

/** Everything that the page shows of a run, and of others beside it. */
export async function reportData(run: StoredRun, others: readonly StoredRun[]): Promise<PageData> {
  const { trajectories, pictures, omitted } = await chooseTrajectories(run);
  return {
    title: `${run.label} · ${run.name}`,
    runs: [run, ...others].map(pageRun),
    comparison: others.length === 0 ? [] : compareRuns([run, ...others]),
    trajectories,
    omittedTrajectories: omitted,
    pictures,
  };
}

function pageRun(run: StoredRun): PageRun {
  const steps = stepsOf(run);
  const totals = new Map<string, number>();
  for (const { clock } of steps) {
    for (const [phase, ms] of Object.entries(clock.phases ?? {})) {
      totals.set(phase, (totals.get(phase) ?? 0) + ms);
    }
  }
  const all = [...totals.values()].reduce((sum, ms) => sum + ms, 0);
  return {
    name: run.name,
    label: run.label,
    ...curvesOf(run),
    warnings: warningsOf(run),
    facts: factsOf(run),
    config: flatten(run.config),
    phases: [...totals].map(([phase, ms]) => [phase, all === 0 ? 0 : ms / all] as const),
  };
}

function factsOf(run: StoredRun): [string, string][] {
  const steps = stepsOf(run);
  const text = (key: string): string => String(run.config[key] ?? 'none');
  const skipped = run.events.filter(({ type }) => type === 'update-skipped').length;
  const failed = run.events.reduce(
    (sum, event) => sum + (event.type === 'explanations-end' ? (event.missing.failed ?? 0) : 0),
    0,
  );
  return [
    ['student', text('student')],
    ['teacher', text('teacher')],
    ['tasks', text('tasks')],
    ['steps', `${steps.at(-1)?.step ?? 0} of ${text('steps')}`],
    ['seed', text('seed')],
    ['updates skipped', String(skipped)],
    ['failed explanations', String(failed)],
    ...(run.unfinishedLines > 0
      ? [['unfinished lines in events.jsonl', '1'] as [string, string]]
      : []),
  ];
}

/** Warnings by code, since one that holds in every step need not be told for every step. */
function warningsOf({ events }: StoredRun): PageWarning[] {
  const warnings = new Map<string, PageWarning>();
  for (const event of events) {
    if (event.type !== 'warning') continue;
    const { code, message, step } = event;
    const known = warnings.get(code);
    warnings.set(code, {
      code,
      message,
      firstStep: known?.firstStep ?? step,
      count: (known?.count ?? 0) + 1,
    });
  }
  return [...warnings.values()];
}

/** A configuration as rows: `reward.lambda` and so on. */
function flatten(value: unknown, path = ''): [string, string][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [[path, JSON.stringify(value) ?? 'null']];
  }
  return Object.entries(value).flatMap(([key, entry]) =>
    flatten(entry, path === '' ? key : `${path}.${key}`),
  );
}

/** Trajectories until the budget is used: the last step first, then the first, then those between, spread out. */
async function chooseTrajectories(run: StoredRun): Promise<{
  trajectories: PageTrajectory[];
  pictures: Record<string, PagePicture>;
  omitted: number;
}> {
  const steps = await listTrajectorySteps(run.folder);
  const trajectories: PageTrajectory[] = [];
  const pictures: Record<string, PagePicture> = {};
  let left = trajectoryBudget;
  let omitted = 0;
  for (const step of spread(steps)) {
    for (const record of await readTrajectories(run.folder, step)) {
      const trajectory = pageTrajectory(record);
      const fresh = record.trajectory.images.filter(
        ({ sha256 }) => !Object.hasOwn(pictures, sha256),
      );
      const bytes =
        Buffer.byteLength(JSON.stringify(trajectory)) +
        fresh.reduce((sum, { png }) => sum + png.length + 120, 0);
      if (bytes > left) {
        omitted += 1;
        continue;
      }
      left -= bytes;
      trajectories.push(trajectory);
      for (const { sha256, png, width, height } of fresh) {
        pictures[sha256] = { url: `data:image/png;base64,${png}`, width, height };
      }
    }
  }
  trajectories.sort((a, b) => a.step - b.step);
  return { trajectories, pictures, omitted };
}

/** Last, first, then ever finer: the order in which halving an interval visits it. */
function spread(steps: readonly number[]): number[] {
  const order: number[] = [];
  const visit = (index: number): void => {
    const step = steps[index];
    if (step !== undefined && !order.includes(step)) order.push(step);
  };
  visit(steps.length - 1);
  visit(0);
  for (let parts = 2; order.length < steps.length; parts *= 2) {
    for (let k = 1; k < parts; k++) visit(Math.floor((k * (steps.length - 1)) / parts));
    if (parts > 4 * steps.length) for (const index of steps.keys()) visit(index);
  }
  return order;
}
