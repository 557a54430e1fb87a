// Reading the test runner's JSON report.
import { existsSync, readFileSync } from 'node:fs';

/**
 * The fields of vitest's JSON report that are read here.
 *
 * @typedef {{ fullName: string, status: string }} TestResult
 * @typedef {{ name: string, status: string, message?: string, assertionResults: TestResult[] }} FileResult
 * @typedef {{ testResults: FileResult[] }} TestReport
 */

/**
 * @param {string} path
 * @returns {TestReport | null} `null` if there is no report, or only a part of one.
 */
export function readTestReport(path) {
  if (!existsSync(path)) return null;
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

/**
 * Counts of passed and failed tests. A test file that fails outside its tests (it does not load, or a
 * hook throws) has no failed test in the report and counts as one failure; so does a missing report.
 *
 * @param {TestReport | null} report
 * @returns {{ passed: number, failed: number, skipped: number }}
 */
export function countTests(report) {
  if (report === null) return { passed: 0, failed: 1, skipped: 0 };
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of report.testResults) {
    const statuses = file.assertionResults.map(({ status }) => status);
    const failed = statuses.filter((status) => status === 'failed').length;
    const passed = statuses.filter((status) => status === 'passed').length;
    counts.passed += passed;
    counts.failed += failed === 0 && file.status === 'failed' ? 1 : failed;
    counts.skipped += statuses.length - passed - failed;
  }
  return counts;
}

/**
 * The line that closes a run.
 *
 * @param {{ passed: number, failed: number }} counts
 * @returns {string}
 */
export function summaryLine({ passed, failed }) {
  return `${passed} passed, ${failed} failed`;
}
