import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compareRuns, meanWithInterval } from '../../src/report/compare-runs.js';
import { curvesOf } from '../../src/report/curves.js';
import { reportData } from '../../src/report/report-data.js';
import { writeReport } from '../../src/report/write-report.js';
import { readRun, type StoredRun } from '../../src/runs/read-run.js';
import { listTrajectorySteps, readTrajectories } from '../../src/runs/trajectory-files.js';
import { collect, toyOptions, toyTeacher } from '../train/toy-run.js';
import { hostileText } from './toy-runs.js';

const clock = { time: '2026-01-01T00:00:00.000Z', elapsedMs: 0, remainingMs: null };

function storedRun(label: string, accuracies: readonly (number | null)[]): StoredRun {
  return {
    folder: 'nowhere',
    name: label,
    label,
    config: { steps: accuracies.length },
    unfinishedLines: 0,
    events: accuracies.map((accuracy, index) => ({
      type: 'step-end',
      step: index + 1,
      metrics: { accuracy },
      blocks: index === 0 ? { student: { P: 0.25, R: 0.75 }, teacher: { P: 1 } } : null,
      clock,
    })),
  };
}

async function makeRun(): Promise<string> {
  const folder = join(mkdtempSync(join(tmpdir(), 'iapo-run-')), 'run');
  await collect(
    toyOptions({
      runFolder: folder,
      teacher: toyTeacher(),
      steps: 6,
      keepTrajectories: { everySteps: 3, perStep: 2 },
    }),
  );
  return folder;
}

describe('curves', () => {
  test('have a point a step, null where nothing was measured', () => {
    const { steps, stepsPerPoint, curves, blocks } = curvesOf(storedRun('a', [0.5, null, 1]));
    expect({ steps, stepsPerPoint, curves }).toEqual({
      steps: [1, 2, 3],
      stepsPerPoint: 1,
      curves: { accuracy: [0.5, null, 1] },
    });
    expect(blocks).toEqual({
      student: { P: [0.25, null, null], R: [0.75, null, null] },
      teacher: { P: [1, null, null] },
    });
  });

  test('of long runs are means over equal numbers of steps', () => {
    const run = storedRun(
      'a',
      Array.from({ length: 2500 }, (_, index) => (index % 3) / 2),
    );
    const { steps, stepsPerPoint, curves } = curvesOf(run);
    expect(stepsPerPoint).toBe(3);
    expect(steps).toHaveLength(834);
    expect(steps.at(-1)).toBe(2500);
    expect(curves.accuracy?.[0]).toBe(0.5);
  });

  test('a step that was done again counts as it was last', () => {
    const run = storedRun('a', [0, 1]);
    const again = { ...run, events: [...run.events, ...storedRun('a', [0.25]).events] };
    expect(curvesOf(again).curves.accuracy).toEqual([0.25, 1]);
  });
});

describe('comparison', () => {
  test('an interval by Student’s t: 1, 2, 3 has mean 2 ± 4.303 · 1/√3', () => {
    const { mean, interval } = meanWithInterval([1, 2, 3]);
    expect(mean).toBe(2);
    expect(interval?.[0]).toBeCloseTo(2 - 4.303 / Math.sqrt(3), 12);
    expect(meanWithInterval([1])).toEqual({ mean: 1, interval: null });
    expect(meanWithInterval([])).toEqual({ mean: null, interval: null });
  });

  test('runs of one label are seeds of one method; the last tenth of steps counts', () => {
    const ten = (last: number): number[] => [...Array<number>(9).fill(0), last];
    const rows = compareRuns([
      storedRun('grpo', ten(0.5)),
      storedRun('iapo', ten(1)),
      storedRun('grpo', ten(0.7)),
    ]);
    expect(rows.map(({ label, runs }) => [label, runs])).toEqual([
      ['grpo', 2],
      ['iapo', 1],
    ]);
    const [grpo, iapo] = rows.map(({ metrics }) => metrics.find(({ name }) => name === 'accuracy'));
    expect(grpo?.mean).toBe(0.6);
    expect(grpo?.interval?.[0]).toBeCloseTo(0.6 - 12.706 * 0.1, 4);
    expect(iapo).toEqual({ name: 'accuracy', mean: 1, interval: null });
  });
});

describe('a run folder', () => {
  test('is read back as it was told', async () => {
    const folder = await makeRun();
    const run = await readRun(folder);
    expect(run.label).toBe('iapo');
    expect(run.events.filter(({ type }) => type === 'step-end')).toHaveLength(6);
    expect(await listTrajectorySteps(folder)).toEqual([1, 3, 6]);
    const records = await readTrajectories(folder, 1);
    const first = records.find(({ student }) => student !== null);
    expect(first).toMatchObject({ format: 'iapo-trajectory', step: 1 });
    expect(first?.student?.scores).toHaveLength(first?.student?.texts.length ?? -1);
    expect(first?.trajectory.images[0]?.png.length).toBeGreaterThan(10);
  });

  test('of a run that is being written, or was cut off, can be reported', async () => {
    const folder = await makeRun();
    appendFileSync(join(folder, 'events.jsonl'), '{"type":"step-e');
    expect((await readRun(folder)).unfinishedLines).toBe(1);
    await writeReport(folder);
    // A run that was stopped in its first step.
    rmSync(join(folder, 'events.jsonl'));
    rmSync(join(folder, 'trajectories'), { recursive: true });
    const { path } = await writeReport(folder);
    expect(readFileSync(path, 'utf8')).toContain('<!doctype html>');
  });

  test.each([
    ['not JSON', 'nonsense\n', /events\.jsonl, line 1: not JSON/],
    ['another event', '{"type":"epoch-end"}\n', /events\.jsonl, line 1: not an event/],
    ['a missing field', '{"type":"step-end","step":1}\n', /line 1[\s\S]*metrics/],
  ])('with damaged events (%s) is refused with the line', async (_, text, message) => {
    const folder = await makeRun();
    writeFileSync(join(folder, 'events.jsonl'), text);
    await expect(writeReport(folder)).rejects.toMatchObject({
      code: 'run-damaged',
      message: expect.stringMatching(message),
    });
  });

  test('with a damaged trajectory is refused with the line', async () => {
    const folder = await makeRun();
    appendFileSync(join(folder, 'trajectories', 'step-000000003.jsonl'), '{"format":"other"}\n');
    await expect(writeReport(folder)).rejects.toThrow(
      /step-000000003\.jsonl, line 3: not a trajectory/,
    );
  });

  test('that is none is refused', async () => {
    await expect(writeReport('/nowhere')).rejects.toMatchObject({ code: 'run-not-found' });
  });
});

describe('the page', () => {
  test('stays below 3 MB with thousands of trajectories, and says what it left out', async () => {
    const folder = await makeRun();
    const [record] = await readTrajectories(folder, 3);
    const noise = (seed: number): string =>
      Array.from({ length: 60_000 }, (_, i) =>
        String.fromCharCode(97 + ((i * seed * 7919) % 26)),
      ).join('');
    mkdirSync(join(folder, 'trajectories'), { recursive: true });
    for (let step = 10; step < 60; step++) {
      const { trajectory } = record!;
      const images = trajectory.images.map((image, index) => ({
        ...image,
        sha256: `${step}-${index}`,
        png: noise(step + index),
      }));
      const line = JSON.stringify({ ...record, step, trajectory: { ...trajectory, images } });
      const name = `step-${String(step).padStart(9, '0')}.jsonl`;
      writeFileSync(join(folder, 'trajectories', name), `${line}\n`.repeat(20));
    }
    const data = await reportData(await readRun(folder), []);
    expect(data.omittedTrajectories).toBeGreaterThan(100);
    // The first and the last step are always there.
    expect(data.trajectories[0]?.step).toBe(1);
    expect(data.trajectories.at(-1)?.step).toBe(59);
    expect((await writeReport(folder)).bytes).toBeLessThan(3_000_000);
  });

  test('forbids requests, and text of a run cannot leave the data', async () => {
    const folder = await makeRun();
    const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, label: hostileText }));
    const { path } = await writeReport(folder);
    const html = readFileSync(path, 'utf8');
    expect(html).toMatch(
      /Content-Security-Policy" content="default-src 'none'; img-src data:; script-src 'sha256-/,
    );
    expect(html).not.toContain('unsafe');
    expect(html.match(/<script/g)).toHaveLength(2);
    expect(html).not.toContain('<img src=x');
    expect(html.match(/\b(?:src|href)="(?!data:)/g)).toBeNull();
  });

  test('is not left half-written where it cannot be written', async () => {
    const folder = await makeRun();
    await expect(
      writeReport(folder, { output: join(folder, 'no', 'such', 'folder.html') }),
    ).rejects.toMatchObject({ code: 'file-system' });
  });
});
