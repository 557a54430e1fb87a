import { parseFloatPython, strip, stripCharacters } from '../python/characters.js';
import { literalText, parseLiteral } from '../python/literal.js';
import { anls } from './anls.js';
import { answerList, MISSING_PREDICTION, predictionText, type RuleScorer } from './scorer.js';

const TOLERANCE = 0.05;

/**
 * ChartQAPro (vis-nlp/ChartQAPro 4b422c65): lists item by item, numbers within 5 %, years exactly,
 * other texts by ANLS above 0.5, so that partial credit is given. Items too many or too few count 0.
 *
 * `years` holds one flag for each item of the answer, or one for all. Its switch to exact matching
 * for some question types is computed there but never passed on, so there is none here.
 */
export const chartqapro: RuleScorer = {
  name: 'chartqapro',
  description: 'ChartQAPro: lists, numbers within 5 %, exact years, ANLS for text.',
  score(input) {
    const text = predictionText(input);
    if (text === null) return MISSING_PREDICTION;
    const answer = trimEnds(answerList(input).at(-1) ?? '');
    const prediction = trimEnds(text);
    const answers = listItems(quoteItems(answer)) ?? [answer];
    const predictions = listItems(prediction) ?? [prediction];
    const { years = [] } = input;
    const flags =
      years.length < answers.length ? answers.map((_, i) => years[i % years.length]) : years;
    const length = Math.max(answers.length, predictions.length);
    let sum = 0;
    for (let i = 0; i < length; i++) {
      const expected = answers[i];
      const got = predictions[i];
      if (expected === undefined || got === undefined) continue;
      sum += flags[i] === true ? exact(expected, got) : relaxed(expected, got);
    }
    return { score: sum / length };
  },
};

function trimEnds(text: string): string {
  return stripCharacters(stripCharacters(text, '.'), '\n');
}

/** Python's `\w`. */
const WORD = '[\\p{L}\\p{N}_]';
const BARE_ITEM = new RegExp(`(?<!'|${WORD})(${WORD}[^,]*?)(?!'|${WORD})`, 'gu');

/** Puts quotes around the bare words of a bracketed list; the text itself if that is no list. */
function quoteItems(text: string): string {
  const body = strip(text);
  if (!body.startsWith('[') || !body.endsWith(']') || body.length < 2 || body.includes('\n'))
    return text;
  const quoted = `[${body.slice(1, -1).replace(BARE_ITEM, "'$1'")}]`;
  const parsed = parseLiteral(quoted);
  return parsed === null ? text : literalText(parsed);
}

/** The items of a text that is a Python list, without their quotes; null for others and for `[]`. */
function listItems(text: string): string[] | null {
  const parsed = parseLiteral(text);
  if (parsed?.type !== 'list' || parsed.items.length === 0) return null;
  return parsed.items.map((item) => stripCharacters(literalText(item), " '"));
}

function exact(expected: string, got: string): number {
  return strip(expected).toLowerCase() === strip(got).toLowerCase() ? 1 : 0;
}

function relaxed(expected: string, got: string): number {
  const answer = strip(stripCharacters(strip(expected), '%'));
  const prediction = strip(stripCharacters(strip(got), '%'));
  const a = toNumber(answer);
  const p = toNumber(prediction);
  if (a === null || p === null) return anls(prediction, answer);
  if (a === 0) return p === 0 ? 1 : 0;
  return Math.abs(p - a) / Math.abs(a) <= TOLERANCE ? 1 : 0;
}

function toNumber(text: string): number | null {
  return parseFloatPython(stripCharacters(strip(text), '%'));
}
