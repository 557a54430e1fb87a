import { parseFloatPython } from '../python/characters.js';
import { answerList, MISSING_PREDICTION, predictionText, type RuleScorer } from './scorer.js';
import { normalizeTableText } from './table-normalize.js';

/** Names of Greek letters that CharXiv's rubric takes for the letters themselves. */
const GREEK: Readonly<Record<string, string>> = {
  α: 'alpha',
  β: 'beta',
  γ: 'gamma',
  δ: 'delta',
  ε: 'epsilon',
  ζ: 'zeta',
  η: 'eta',
  θ: 'theta',
  κ: 'kappa',
  λ: 'lambda',
  μ: 'mu',
  ν: 'nu',
  ξ: 'xi',
  π: 'pi',
  ρ: 'rho',
  σ: 'sigma',
  τ: 'tau',
  φ: 'phi',
  χ: 'chi',
  ψ: 'psi',
  ω: 'omega',
};

/**
 * A rule for smoke tests on CharXiv: numbers (answer types 3 and 4) of equal value in any notation
 * (1500 = 1.5e3 = 1,500), texts equal after normalizing, Greek letters by name. CharXiv itself is
 * judged by GPT-4o (`judgePrompts.charxiv`): never report this as CharXiv accuracy.
 */
export const charxivRule: RuleScorer = {
  name: 'charxiv-rule',
  description: 'Equal numbers or normalized texts; for smoke tests, not CharXiv accuracy.',
  score(input) {
    const prediction = predictionText(input);
    if (prediction === null) return MISSING_PREDICTION;
    const answer = answerList(input)[0];
    if (answer === undefined) return { score: null, reason: 'there is no answer (test split)' };
    const wantsNumber = input.answerType === 3 || input.answerType === 4;
    const a = toNumber(answer);
    const p = toNumber(prediction);
    if (wantsNumber && a === null) return { score: null, reason: 'the answer is no number' };
    if (a !== null && p !== null) return { score: a === p ? 1 : 0 };
    if (wantsNumber) return { score: 0 };
    return { score: plainText(prediction) === plainText(answer) ? 1 : 0 };
  },
};

/** No number is longer; the patterns below take quadratic time on long runs of spaces. */
const MAX_NUMBER_LENGTH = 100;

function toNumber(text: string): number | null {
  if (text.length > MAX_NUMBER_LENGTH) return null;
  const plain = text
    .trim()
    .replace(/\.$/, '')
    .replaceAll(',', '')
    .replace('−', '-')
    .replace(/\s*(?:×|x|\*|\\times)\s*10\s*\^?\s*\{?([+-]?\d{1,3})\}?$/, 'e$1');
  const value = parseFloatPython(plain);
  return value === null || !Number.isFinite(value) ? null : value;
}

function plainText(text: string): string {
  return normalizeTableText(text, { python: 3 })
    .replace(/[$\\{}]/g, '')
    .replace(/[α-ω]/g, (letter) => GREEK[letter] ?? letter);
}
