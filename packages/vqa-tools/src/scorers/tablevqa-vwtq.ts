import { answerList, MISSING_PREDICTION, predictionText, type RuleScorer } from './scorer.js';
import { isNonFinite, parseTableValue, tableValuesMatch } from './table-value.js';

/**
 * TableVQA-Bench's VWTQ and VWTQ-Syn (naver-ai/tablevqabench 87d38e79): the WikiTableQuestions
 * comparison without canonical forms, both sides split at "|" after "||" became "|".
 *
 * A value such as "nan" or "inf" stops the original's run; here it scores 0 with a reason.
 */
export const tablevqaVwtq: RuleScorer = {
  name: 'tablevqa-vwtq',
  description: 'TableVQA-Bench VWTQ and VWTQ-Syn: set equality of "|"-separated values.',
  score(input) {
    const prediction = predictionText(input);
    if (prediction === null) return MISSING_PREDICTION;
    const targets = splitValues(answerList(input).join('|'));
    const predictions = splitValues(prediction.replaceAll('||', '|'));
    if ([...targets, ...predictions].some(isNonFinite)) {
      return { score: 0, reason: 'a value is not finite; the original evaluator stops here' };
    }
    const parse = (text: string) => parseTableValue(text, { python: 3 });
    return { score: tableValuesMatch(targets.map(parse), predictions.map(parse)) ? 1 : 0 };
  },
};

/** Splits at "|" and undoes the escapes, in the original's order (so `\\n` comes out wrong there too). */
function splitValues(text: string): string[] {
  return text
    .split('|')
    .map((item) => item.replaceAll('\\n', '\n').replaceAll('\\p', '|').replaceAll('\\\\', '\\'));
}
