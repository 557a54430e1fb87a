import { hasDigit, isSpace, parseFloatPython, strip } from '../python/characters.js';
import { answerList, MISSING_PREDICTION, predictionText, type RuleScorer } from './scorer.js';

/** Python's `string.punctuation`. */
const PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';
const TOLERANCE = 0.05;

/**
 * lm-evaluation-harness 4e7e0d47 (after mistral-evals): commas, dollars and end punctuation are
 * dropped from texts with a digit, percents are tried with and without the division by 100, a
 * one-letter answer needs only the prediction's first letter. This is the comparison itself; the
 * task first extracts the answer (`answerExtractors['lm-eval']`).
 */
export const chartqaLmEval: RuleScorer = {
  name: 'chartqa-lm-eval',
  description: 'ChartQA relaxed accuracy as in lm-evaluation-harness.',
  score(input) {
    const text = predictionText(input);
    if (text === null) return MISSING_PREDICTION;
    const prediction = prepare(text);
    const isRight = answerList(input).some((answer) => isCorrect(prediction, prepare(answer)));
    return { score: isRight ? 1 : 0 };
  },
};

function isCorrect(prediction: string, answer: string): boolean {
  const p = toNumber(prediction);
  const a = toNumber(answer);
  if (p !== null && a !== null) {
    if (isClose(p.value, a.value)) return true;
    if (!p.isPercent && !a.isPercent) return false;
    return isClose(decimal(p), a.value) || isClose(p.value, decimal(a));
  }
  if (/^\p{L}$/u.test(answer) && prediction.length > 0) {
    const [first = ''] = prediction;
    return first.toLowerCase() === answer.toLowerCase();
  }
  return dropPunctuation(prediction).toLowerCase() === answer.toLowerCase();
}

/** Texts with a digit lose end punctuation, commas and dollars; others one pair of quotes. */
function prepare(text: string): string {
  if (hasDigit(text)) return dropEnd(text).replace(/[,$]/g, '');
  const isQuoted = ['"', "'"].some((quote) => text.startsWith(quote) && text.endsWith(quote));
  return isQuoted ? Array.from(text).slice(1, -1).join('') : text;
}

function dropEnd(text: string): string {
  let end = text.length;
  for (; end > 0; end--) {
    const last = text[end - 1] ?? '';
    if (last === '%' || !(PUNCTUATION.includes(last) || isSpace(last))) break;
  }
  return text.slice(0, end);
}

/** Only the prediction loses its end punctuation, so an answer such as "U.S." is never met. */
function dropPunctuation(text: string): string {
  let end = text.length;
  while (end > 0 && PUNCTUATION.includes(text[end - 1] ?? '')) end--;
  return text.slice(0, end);
}

interface Amount {
  readonly value: number;
  readonly isPercent: boolean;
}

function toNumber(text: string): Amount | null {
  const body = strip(text);
  const value = parseFloatPython(body.replace(/%+$/, ''));
  return value === null ? null : { value, isPercent: body.endsWith('%') };
}

function decimal({ value, isPercent }: Amount): number {
  return isPercent ? value / 100 : value;
}

/** The floor under the divisor makes a zero answer accept up to 5e-12. */
function isClose(prediction: number, answer: number): boolean {
  return Math.abs(prediction - answer) / Math.max(Math.abs(answer), 1e-10) <= TOLERANCE;
}
