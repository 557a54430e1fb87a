import { describe, expect, it } from 'vitest';
import { checkRule, type RuleCase } from '../support/check-rule.js';
import { allCases } from './cases/index.js';

const byRule = new Map<string, RuleCase[]>();
for (const testCase of allCases) {
  byRule.set(testCase.rule, [...(byRule.get(testCase.rule) ?? []), testCase]);
}

for (const [rule, cases] of byRule) {
  describe(`gradient of ${rule}`, () => {
    it.each(cases.map((testCase) => [testCase.about, testCase] as const))(
      '%s',
      async (_about, testCase) => {
        const problems = await checkRule(testCase);
        expect(problems, problems.join('\n')).toEqual([]);
      },
    );
  });
}
