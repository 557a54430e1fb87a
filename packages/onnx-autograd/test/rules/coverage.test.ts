import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { gradientRules } from '../../src/index.js';
import { allCases } from './cases/index.js';

/** Rules whose inputs take more to make than a table row: the file that tests them. */
const testedElsewhere: Readonly<Record<string, string>> = {
  RotaryEmbedding: 'test/rewrites/rotary-embedding.test.ts',
  DequantizeLinear: 'test/rewrites/quantized-weights.test.ts',
  'com.microsoft.DequantizeLinear': 'test/rewrites/quantized-weights.test.ts',
  'com.microsoft.MatMulBnb4': 'test/rewrites/quantized-weights.test.ts',
  'com.microsoft.MatMulNBits': 'test/rewrites/quantized-weights.test.ts',
  'com.microsoft.MRotaryEmbedding': 'test/rewrites/rotary-embedding.test.ts',
  'com.microsoft.RotaryEmbedding': 'test/rewrites/rotary-embedding.test.ts',
};

const rules = Object.entries(gradientRules).flatMap(([domain, operators]) =>
  Object.keys(operators).map((operator) => (domain === '' ? operator : `${domain}.${operator}`)),
);
const covered = new Set(allCases.map(({ rule }) => rule));

describe('the table of gradient rules', () => {
  it.each(rules)('has a case for %s', (rule) => {
    const elsewhere = testedElsewhere[rule];
    if (elsewhere === undefined) expect(covered).toContain(rule);
    else expect(existsSync(new URL(`../../${elsewhere}`, import.meta.url)), elsewhere).toBe(true);
  });

  it('has a rule for each case', () => {
    expect([...covered].filter((rule) => !rules.includes(rule))).toEqual([]);
  });

  it('has the rule in each case on the path', () => {
    const without = allCases.filter(
      ({ rule, nodes }) =>
        !nodes.some(
          ({ operator, domain }) => (domain === '' ? operator : `${domain}.${operator}`) === rule,
        ),
    );
    expect(without).toEqual([]);
  });
});
