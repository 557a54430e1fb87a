import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createColors } from 'picocolors';
import { expect, test } from 'vitest';
import { runCommandLine } from '../src/cli/program.js';
import { blockBars } from '../src/demo/block-bars.js';
import type { DemoEvent } from '../src/demo/run-demo.js';
import { readRun } from '../src/runs/read-run.js';

async function iapo(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const text = { out: '', err: '' };
  const code = await runCommandLine(
    words,
    {
      out: (more) => {
        text.out += more;
      },
      err: (more) => {
        text.err += more;
      },
      isInteractive: false,
      columns: () => 80,
      colors: createColors(false),
    },
    '0.1.0',
  );
  return { code, ...text };
}

test('bars are as long as the shares', () => {
  const [, first, second] = blockBars(['P', 'R'], [1, 0], [0.5, 0.5]);
  expect(first).toContain('█'.repeat(24));
  expect(second).toBe(`R request  ${' '.repeat(24)}  0 %  ${'█'.repeat(12)}${' '.repeat(12)} 50 %`);
});

test('the demonstration evaluates, explains, trains, evaluates again and writes the report', async () => {
  const runFolder = join(mkdtempSync(join(tmpdir(), 'iapo-demo-')), 'run');
  const small = ['--steps', '2', '--tasks', '4', '--prompts', '1', '--out', runFolder];
  const { code, out, err } = await iapo('demo', '--json', ...small);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const events = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as DemoEvent);
  const types = [...new Set(events.map(({ type }) => type))];
  expect(types).toEqual([
    'models',
    'evaluation',
    'explanation',
    'training',
    'comparison',
    'report',
  ]);
  const evaluations = events.filter((event) => event.type === 'evaluation');
  expect(evaluations.map(({ who }) => who)).toEqual(['student', 'teacher', 'trained']);
  const [before, , after] = evaluations.map(({ evaluation }) => evaluation.accuracy.mean ?? 0);
  const comparison = events.find((event) => event.type === 'comparison');
  expect(comparison?.difference.difference).toBeCloseTo((after ?? 0) - (before ?? 0), 12);
  const explanation = events.find((event) => event.type === 'explanation')?.explanation;
  for (const shares of [explanation?.student, explanation?.teacher]) {
    expect(shares?.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 6);
  }
  const { events: stored } = await readRun(runFolder);
  expect(stored.filter(({ type }) => type === 'step-end')).toHaveLength(2);
  expect(existsSync(join(runFolder, 'report.html'))).toBe(true);

  // The same run as text: the numbers are those of the events.
  const again = await iapo('demo', ...small.slice(0, -1), `${runFolder}-again`);
  expect(again.code).toBe(0);
  for (const { who, evaluation } of evaluations) {
    expect(again.out).toContain(
      `${who.padEnd(9)} ${(100 * (evaluation.accuracy.mean ?? 0)).toFixed(1)} % right answers`,
    );
  }
  expect(again.out).toContain('report.html');
}, 120_000);

test('a run is not written over', async () => {
  const runFolder = mkdtempSync(join(tmpdir(), 'iapo-demo-'));
  const words = ['demo', '--steps', '1', '--tasks', '1', '--prompts', '1', '--out', runFolder];
  const first = await iapo(...words);
  expect(first.code).toBe(0);
  const second = await iapo(...words);
  expect({ code: second.code, err: second.err }).toEqual({
    code: 2,
    err: expect.stringContaining('There is already a run'),
  });
}, 120_000);
