import { describe, expect, it } from 'vitest';
import { skipsWithoutReason, testFile, unexplainedSkips } from '../../scripts/ci/skipped-tests.mjs';

// The samples are put together from parts, so that this file skips nothing itself.
const skip = 'skip';
const todo = 'todo';
const samples = [
  `it.${skip}('title', () => {});`,
  `  test.${skip}('title', () => {});`,
  `describe.${skip}('title', () => {});`,
  `describe.concurrent.${skip}('title', () => {});`,
  `it.${skip}.each([1, 2])('title %i', () => {});`,
  `it.${todo}('title');`,
  `it.${skip}If(process.platform === 'win32')('title', () => {});`,
  `it.run${'If'}(hasChromium)('title', () => {});`,
  `imageTest.${skip}('title', () => {});`,
  `const maybe = hasChromium ? it : it.${skip};`,
  `it('title', (context) => { context.${skip}(); });`,
  `it('title', { ${skip}: true }, () => {});`,
  `${'xit'}('title', () => {});`,
];

describe('skipsWithoutReason', () => {
  it.each(samples)('reports %s', (line) => {
    expect(skipsWithoutReason('a.test.ts', `first\n${line}\n`)).toEqual([
      expect.stringMatching(/^a\.test\.ts:2: /),
    ]);
  });

  it.each(samples)('accepts with a reason: %s', (line) => {
    expect(skipsWithoutReason('a.test.ts', `${line} // reason: no Chromium here`)).toEqual([]);
  });

  it('wants the reason on the very line, and in words', () => {
    const line = `it.${skip}('title', () => {});`;
    expect(skipsWithoutReason('a.test.ts', `// reason: none\n${line}`)).toHaveLength(1);
    expect(skipsWithoutReason('a.test.ts', `${line} // reason:`)).toHaveLength(1);
    expect(skipsWithoutReason('a.test.ts', `${line} // flaky`)).toHaveLength(1);
  });

  it.each([
    'reader.skip(4);',
    'const { skip } = node.inputs; feeds = { x, skip, skipped: true };',
    "it('skips masked tokens', () => {});",
    `// it.${skip}('an idea') would hide it`,
  ])('accepts %s', (line) => {
    expect(skipsWithoutReason('a.test.ts', line)).toEqual([]);
  });
});

describe('testFile', () => {
  it.each([
    'packages/a/src/b.test.ts',
    'test/helper.ts',
    'packages/a/src/testing/method.ts',
    'a.test-d.ts',
  ])('takes in %s', (path) => {
    expect(path).toMatch(testFile);
  });

  it.each(['packages/a/src/b.ts', 'packages/a/README.md', 'packages/a/test/fixtures/model.json'])(
    'leaves out %s',
    (path) => {
      expect(path).not.toMatch(testFile);
    },
  );
});

describe('unexplainedSkips', () => {
  const report = {
    testResults: [
      {
        name: '/repository/a.test.ts',
        status: 'passed',
        assertionResults: [
          { fullName: 'a runs', status: 'passed' },
          { fullName: 'a waits', status: 'skipped' },
        ],
      },
    ],
  };

  it('reports a skipped test of a file without any reason', () => {
    expect(
      unexplainedSkips(report, '/repository', () => 'const odd = Reflect.get(it, name);'),
    ).toEqual([expect.stringContaining('a.test.ts: "a waits" did not run')]);
  });

  it('accepts a file that gives a reason', () => {
    expect(unexplainedSkips(report, '/repository', () => 'odd(); // reason: no Chromium')).toEqual(
      [],
    );
  });
});
