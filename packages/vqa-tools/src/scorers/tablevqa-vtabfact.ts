import { answerList, predictionText, type RuleScorer } from './scorer.js';

/**
 * TableVQA-Bench's VTabFact (naver-ai/tablevqabench 87d38e79): the prediction must contain "true"
 * for a gold of 1, "false" for 0. Both words: no score (the benchmark counts it as wrong in its
 * accuracy, see `summarizeScores`). A missing prediction reads "none" there, and so scores 0.
 */
export const tablevqaVtabfact: RuleScorer = {
  name: 'tablevqa-vtabfact',
  description: 'TableVQA-Bench VTabFact: "true" or "false" as a substring of the prediction.',
  score(input) {
    const prediction = (predictionText(input) ?? 'none').toLowerCase();
    const gold = answerList(input)[0] ?? '';
    const saysTrue = prediction.includes('true');
    const saysFalse = prediction.includes('false');
    if (saysTrue && saysFalse) return { score: null, reason: 'the prediction says both' };
    return { score: (saysTrue && gold === '1') || (saysFalse && gold === '0') ? 1 : 0 };
  },
};
