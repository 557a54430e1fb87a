import { describe, expect, test } from 'vitest';
import { divergences } from '../../src/divergences/divergences.js';
import {
  type NormalizationName,
  normalizations,
  normalizeScores,
} from '../../src/scores/normalizations.js';
import { expectClose } from '../close.js';
import { cases, get } from './cases.js';

type Pair = {
  student_scores: number[];
  teacher_scores: number[];
  modes: Record<NormalizationName, Record<string, number[] & number>>;
};

const caseC = get<Record<string, unknown>>(cases, 'C_block_distributions');

describe.each(Object.entries(get<Record<string, Pair>>(caseC, 'pairs')))(
  'pair %s',
  (_name, pair) => {
    test.each(Object.entries(pair.modes))(
      '%s: both distributions and every divergence',
      (mode, expected) => {
        const normalization = normalizations[mode as NormalizationName];
        const student = normalizeScores(pair.student_scores, normalization).shares;
        const teacher = normalizeScores(pair.teacher_scores, normalization).shares;
        expectClose(student, expected.student, 'student');
        expectClose(teacher, expected.teacher, 'teacher');
        expectClose(
          divergences.kl.compute(student, teacher),
          expected.kl_student_teacher_eps1e6,
          'kl',
        );
        expectClose(
          divergences.reverseKl.compute(student, teacher),
          expected.kl_teacher_student_eps1e6,
          'reverse kl',
        );
        expectClose(divergences.jensenShannon.compute(student, teacher), expected.js, 'js');
        expectClose(
          divergences.totalVariation.compute(student, teacher),
          expected.total_variation,
          'tv',
        );
      },
    );
  },
);

describe.each(Object.entries(get<Record<string, Record<string, number[]>>>(caseC, 'edge_cases')))(
  'edge case %s',
  (_name, { scores = [], ...modes }) => {
    test.each(Object.entries(modes))('%s', (mode, expected) => {
      const { shares, degenerate } = normalizeScores(
        scores,
        normalizations[mode as NormalizationName],
      );
      expectClose(shares, expected, mode);
      // Where the file falls back to uniform, ours must say so.
      const isFallback =
        scores.every((score) => score === 0) ||
        (mode === 'relu' && scores.every((score) => score <= 0));
      expect(degenerate !== null).toBe(isFallback);
    });
  },
);

test('disjoint distributions', () => {
  const { p, q, kl_eps1e6, js } = get<{ p: number[]; q: number[]; kl_eps1e6: number; js: number }>(
    caseC,
    'disjoint',
  );
  expectClose(divergences.kl.compute(p, q), kl_eps1e6, 'kl');
  expectClose(divergences.jensenShannon.compute(p, q), js, 'js');
});
