import { parseFloatPython } from '../python/characters.js';
import {
  answerList,
  MISSING_PREDICTION,
  predictionText,
  type RuleScorer,
  type ScoreInput,
} from './scorer.js';
import { normalizeTableText } from './table-normalize.js';

const UNIT_WORDS =
  'dollar|gallons|square feet|shares|mbtu|mbpd|mbbls|mmbtu|unit|gwh|year|mmcf|mile|mboe';
/** Python's `\b` beside a word character: letters, numbers and the underscore of any script. */
const UNITS = new RegExp(`(?<![\\p{L}\\p{N}_])(?:${UNIT_WORDS})s?(?![\\p{L}\\p{N}_])`, 'giu');
/** In the order of the original: the forms with a space before go first. */
const SCALES: readonly (readonly [RegExp, string])[] = [
  [/ thousand(?![\p{L}\p{N}_])/gu, 'e3'],
  [/ million(?![\p{L}\p{N}_])/gu, 'e6'],
  [/ billion(?![\p{L}\p{N}_])/gu, 'e9'],
  [/(?<![\p{L}\p{N}_])thousand(?![\p{L}\p{N}_])/gu, 'e3'],
  [/(?<![\p{L}\p{N}_])million(?![\p{L}\p{N}_])/gu, 'e6'],
  [/(?<![\p{L}\p{N}_])billion(?![\p{L}\p{N}_])/gu, 'e9'],
  [/ ?%/g, 'e-2'],
];

/**
 * TableVQA-Bench's FinTabNetQA (naver-ai/tablevqabench 87d38e79). Units and currency are dropped,
 * "million" and the like become powers of ten. The score is the benchmark's reported ("relieved")
 * one: the value with or without its scale may agree. `details.exact` is the strict one.
 */
export const tablevqaFintabnetqa: RuleScorer = {
  name: 'tablevqa-fintabnetqa',
  description: 'TableVQA-Bench FinTabNetQA, relieved: scaled or unit-free values agree.',
  score(input) {
    const comparison = compare(input);
    if (comparison === null) return MISSING_PREDICTION;
    return { score: comparison.relieved, details: { exact: comparison.exact } };
  },
};

/** FinTabNetQA's exact score: the scaled values are equal. */
export const tablevqaFintabnetqaExact: RuleScorer = {
  name: 'tablevqa-fintabnetqa-exact',
  description: 'TableVQA-Bench FinTabNetQA, exact: scaled values are equal.',
  score(input) {
    const comparison = compare(input);
    if (comparison === null) return MISSING_PREDICTION;
    return { score: comparison.exact, details: { relieved: comparison.relieved } };
  },
};

function compare(input: ScoreInput): { exact: 0 | 1; relieved: 0 | 1 } | null {
  const text = predictionText(input);
  if (text === null) return null;
  const [scaled, unitFree] = readAmount(text);
  const [goldScaled, goldUnitFree] = readAmount(answerList(input)[0] ?? '');
  const isRelieved = [scaled, unitFree].some(
    (value) => value === goldScaled || value === goldUnitFree,
  );
  return { exact: scaled === goldScaled ? 1 : 0, relieved: isRelieved ? 1 : 0 };
}

/** The value with its scale and without: two numbers, or two texts where either is no number. */
function readAmount(text: string): readonly [number, number] | readonly [string, string] {
  let scaled = normalizeTableText(text, { python: 3 })
    .replace(/[$(),]/g, '')
    .replace(UNITS, '');
  let unitFree = scaled;
  for (const [pattern, power] of SCALES) {
    scaled = scaled.replace(pattern, power);
    unitFree = unitFree.replace(pattern, '');
  }
  const scaledNumber = parseFloatPython(scaled);
  const unitFreeNumber = parseFloatPython(unitFree);
  return scaledNumber === null || unitFreeNumber === null
    ? [scaled, unitFree]
    : [scaledNumber, unitFreeNumber];
}
