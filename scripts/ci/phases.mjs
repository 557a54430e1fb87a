/**
 * One part of a CI run.
 *
 * `needs` names the phases without which this one makes no sense: it is left out if one of them failed.
 * @typedef {{ name: string, needs?: readonly string[], action: () => void }} Phase
 * @typedef {{ name: string, outcome: 'passed' | 'failed' | 'left out', seconds: number }} PhaseResult
 */

/**
 * Runs the phases in their order. A phase that throws has failed; the others still run, so that one
 * CI run shows everything that is wrong.
 *
 * @param {readonly Phase[]} phases
 * @param {{ print: (line: string) => void, now: () => number }} environment `now` in milliseconds.
 * @returns {PhaseResult[]}
 */
export function runPhases(phases, { print, now }) {
  /** @type {PhaseResult[]} */
  const results = [];
  for (const { name, needs = [], action } of phases) {
    const missing = needs.filter(
      (need) => !results.some((done) => done.name === need && done.outcome === 'passed'),
    );
    if (missing.length > 0) {
      print(`\n── ${name}: left out, as these did not pass: ${missing.join(', ')}`);
      results.push({ name, outcome: 'left out', seconds: 0 });
      continue;
    }
    print(`\n── ${name}`);
    const start = now();
    /** @type {PhaseResult['outcome']} */
    let outcome = 'passed';
    try {
      action();
    } catch (error) {
      outcome = 'failed';
      print(error instanceof Error ? error.message : String(error));
    }
    const seconds = (now() - start) / 1000;
    print(`── ${name}: ${outcome} in ${seconds.toFixed(1)} s`);
    results.push({ name, outcome, seconds });
  }
  return results;
}

/**
 * @param {readonly PhaseResult[]} results
 * @returns {string} One line a phase, and the sum.
 */
export function tableOfPhases(results) {
  const width = Math.max(...results.map(({ name }) => name.length), 'together'.length);
  const lines = results.map(
    ({ name, outcome, seconds }) =>
      `${name.padEnd(width)}  ${seconds.toFixed(1).padStart(7)} s  ${outcome}`,
  );
  const total = results.reduce((sum, { seconds }) => sum + seconds, 0);
  return [...lines, `${'together'.padEnd(width)}  ${total.toFixed(1).padStart(7)} s`].join('\n');
}

/**
 * Runs the check for every item and throws once, with all messages.
 *
 * @template Item
 * @param {readonly Item[]} items
 * @param {(item: Item) => void} check
 */
export function failTogether(items, check) {
  const messages = items.flatMap((item) => {
    try {
      check(item);
      return [];
    } catch (error) {
      return [error instanceof Error ? error.message : String(error)];
    }
  });
  if (messages.length > 0) throw new Error(messages.join('\n'));
}
