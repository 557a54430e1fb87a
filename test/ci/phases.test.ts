import { describe, expect, it } from 'vitest';
import { failTogether, runPhases, tableOfPhases } from '../../scripts/ci/phases.mjs';

/** A clock that moves by one second each time it is read. */
function environment() {
  let milliseconds = 0;
  const printed: string[] = [];
  return {
    printed,
    print: (line: string) => void printed.push(line),
    now: () => {
      milliseconds += 1000;
      return milliseconds;
    },
  };
}
const fail = (): never => {
  throw new Error('broken');
};

describe('runPhases', () => {
  it('goes on after a failure, and leaves out only what needs the failed phase', () => {
    const ran: string[] = [];
    const note = (name: string) => () => void ran.push(name);
    const results = runPhases(
      [
        { name: 'build', action: fail },
        { name: 'pack', needs: ['build'], action: note('pack') },
        { name: 'check', needs: ['pack'], action: note('check') },
        { name: 'lint', action: note('lint') },
      ],
      environment(),
    );
    expect(ran).toEqual(['lint']);
    expect(results.map(({ outcome }) => outcome)).toEqual([
      'failed',
      'left out',
      'left out',
      'passed',
    ]);
  });

  it('prints the message of a failure and the time', () => {
    const surroundings = environment();
    runPhases([{ name: 'build', action: fail }], surroundings);
    expect(surroundings.printed.join('\n')).toContain('broken\n── build: failed in 1.0 s');
  });
});

it('adds up the times in a table', () => {
  const results = [
    { name: 'install', outcome: 'passed', seconds: 12.34 },
    { name: 'lint', outcome: 'failed', seconds: 1 },
  ] as const;
  expect(tableOfPhases(results).split('\n')).toEqual([
    'install      12.3 s  passed',
    'lint          1.0 s  failed',
    'together     13.3 s',
  ]);
});

it('runs every check of a phase, and throws once with all messages', () => {
  const checked: number[] = [];
  const check = (item: number): void => {
    checked.push(item);
    if (item > 1) throw new Error(`${item} is too many.`);
  };
  expect(() => failTogether([3, 1, 2], check)).toThrow('3 is too many.\n2 is too many.');
  expect(checked).toEqual([3, 1, 2]);
});
