// A test may be skipped only with its reason on the line that skips it:
//
//   it.skipIf(!hasChromium)('opens', …); // reason: this machine has no Chromium
import { relative } from 'node:path';

/** @typedef {import('./test-report.mjs').TestReport} TestReport */

/** Files in which tests can be skipped: tests, their helpers, and the conformance suites that they call. */
export const testFile =
  /(\.(test|test-d|bench)\.[cm]?[jt]sx?|(^|\/)(test|testing)\/.*\.[cm]?[jt]sx?)$/;

/** The ways to skip a test in vitest. Names are matched so that a reader's `skip(bytes)` is none. */
const skip = [
  /\.(skipIf|runIf|todo)\b/, // it.skipIf(condition)(…), it.todo('…')
  /(\b(it|ctx)|test|describe|suite|context)(\.\w+)*\.skip\b/i, // it.concurrent.skip(…), context.skip()
  /\b(xit|xtest|xdescribe)\s*\(/,
  /\b(skip|todo)\s*:\s*true\b/, // it('…', { skip: true }, …)
];
const reason = /\/\/ reason: \S.*$/;
const comment = /^\s*(\/\/|\*|\/\*)/;

/**
 * Lines that skip a test and do not say why.
 *
 * @param {string} path Of the test file, for the message.
 * @param {string} text Its content.
 * @returns {string[]} One message a line.
 */
export function skipsWithoutReason(path, text) {
  return text.split('\n').flatMap((line, index) => {
    if (comment.test(line) || reason.test(line) || !skips(line)) return [];
    return [
      `${path}:${index + 1}: skips a test without saying why. End the line with "// reason: …" or let the test run.`,
    ];
  });
}

/**
 * Tests that the runner skipped although their file names no reason anywhere: whatever way of
 * skipping `skipsWithoutReason` does not know ends here.
 *
 * @param {TestReport} report
 * @param {string} root Absolute path that the report's paths begin with.
 * @param {(path: string) => string} readText Gives the text of a test file of the report.
 * @returns {string[]}
 */
export function unexplainedSkips(report, root, readText) {
  return report.testResults.flatMap(({ name, assertionResults }) => {
    const skipped = assertionResults.filter(
      ({ status }) => status !== 'passed' && status !== 'failed',
    );
    if (
      skipped.length === 0 ||
      readText(name)
        .split('\n')
        .some((line) => reason.test(line))
    )
      return [];
    return skipped.map(
      ({ fullName, status }) =>
        `${relative(root, name)}: "${fullName}" did not run (${status}), and the file gives no "// reason: …".`,
    );
  });
}

/**
 * @param {string} line
 * @returns {boolean}
 */
function skips(line) {
  return skip.some((pattern) => pattern.test(line));
}
