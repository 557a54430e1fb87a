import { answerList, MISSING_PREDICTION, type RuleScorer, type ScoreInput } from './scorer.js';
import { parseTableValue, tableValuesMatch } from './table-value.js';

/**
 * WikiTableQuestions accuracy (ppasupat/WikiTableQuestions 7d455a5a, evaluator.py 1.0.2): 1 if the
 * set of predicted values equals the set of answers, else 0. `answers` is the set; the prediction
 * is a list, or a single text for one value. Canonical forms apply to the answers only.
 */
export const wikitablequestions: RuleScorer = {
  name: 'wikitablequestions',
  description: 'Set equality of normalized strings, numbers and dates (official evaluator 1.0.2).',
  score(input: ScoreInput) {
    const { prediction, canonicalAnswers } = input;
    if (prediction === null) return MISSING_PREDICTION;
    const targets = answerList(input).map((answer, index) =>
      parseTableValue(answer, { python: 2, canonical: canonicalAnswers?.[index] }),
    );
    const items = typeof prediction === 'string' ? [prediction] : prediction;
    const predictions = items.map((item) => parseTableValue(item, { python: 2 }));
    return { score: tableValuesMatch(targets, predictions) ? 1 : 0 };
  },
};
