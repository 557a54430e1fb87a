import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { countTests, readTestReport, summaryLine } from '../../scripts/ci/test-report.mjs';

const file = (status: string, ...tests: string[]) => ({
  name: 'a.test.ts',
  status,
  assertionResults: tests.map((test, index) => ({ fullName: `test ${index}`, status: test })),
});

describe('countTests', () => {
  it('counts by status over all files', () => {
    const testResults = [
      file('passed', 'passed', 'passed', 'skipped'),
      file('failed', 'passed', 'failed', 'todo'),
    ];
    expect(countTests({ testResults })).toEqual({ passed: 3, failed: 1, skipped: 2 });
  });

  it('counts a file that fails outside its tests as one failure', () => {
    expect(countTests({ testResults: [file('failed')] })).toEqual({
      passed: 0,
      failed: 1,
      skipped: 0,
    });
    expect(countTests({ testResults: [file('failed', 'passed')] })).toEqual({
      passed: 1,
      failed: 1,
      skipped: 0,
    });
  });

  it('counts a missing report as one failure', () => {
    expect(countTests(null)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });
});

it('says the counts in the form that readers of CI output look for', () => {
  expect(summaryLine({ passed: 12, failed: 0 })).toBe('12 passed, 0 failed');
});

describe('readTestReport', () => {
  it('gives null for a report that is missing or cut off', () => {
    const folder = mkdtempSync(join(tmpdir(), 'report-'));
    const path = join(folder, 'vitest.json');
    expect(readTestReport(path)).toBeNull();
    writeFileSync(path, '{"testResults": [');
    expect(readTestReport(path)).toBeNull();
    writeFileSync(path, '{"testResults": []}');
    expect(readTestReport(path)).toEqual({ testResults: [] });
    rmSync(folder, { recursive: true });
  });
});
