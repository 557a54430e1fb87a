import { parseFloatPython } from '../python/characters.js';
import { vtoolV1Reward } from './extract/vtool-v1-reward.js';
import { answerList, MISSING_PREDICTION, predictionText, type RuleScorer } from './scorer.js';

/**
 * VTool-R1 v1's reward without a judge (VTool-R1/VTool-R1 5318fb29,
 * examples/reward_function/refocus.py). The reply is given whole; its answer is extracted first.
 * Each item of the answer ("||") scores its best similarity to the golds ("|||"), and the sum is
 * divided by the number of golds.
 *
 * It can be gamed: a right item that is repeated counts each time, and wrong ones cost nothing.
 * Where the original gives NaN (an answer "nan" or "inf"), the score is null.
 */
export const vtoolRule: RuleScorer = {
  name: 'vtool-rule',
  description: "VTool-R1 v1's rule reward: 1 − |a−b|/max(|a|,|b|) for numbers, equality for text.",
  score(input) {
    const reply = predictionText(input);
    if (reply === null) return MISSING_PREDICTION;
    const golds = answerList(input).join('|||').split('|||');
    const answer = vtoolV1Reward(reply);
    if (answer === null) return { score: 0, reason: 'the reply has no final answer' };
    let sum = 0;
    for (const item of answer.split('||')) sum += bestSimilarity(item, golds);
    const overall = sum / golds.length;
    if (Number.isNaN(overall)) {
      return { score: null, reason: 'the original rule gives NaN', details: { overall: 'nan' } };
    }
    return { score: overall };
  },
};

/** Python's max: a NaN that comes first stays, a later one is passed over. No candidate: 0. */
function bestSimilarity(item: string, golds: readonly string[]): number {
  let best: number | undefined;
  for (const gold of golds) {
    const candidate = similarity(item, gold);
    if (candidate !== undefined && (best === undefined || candidate > best)) best = candidate;
  }
  return best ?? 0;
}

function similarity(item: string, gold: string): number | undefined {
  const a = parseFloatPython(gold);
  const b = parseFloatPython(item);
  if (a === null || b === null) return item === gold ? 1 : undefined;
  if (a === b) return 1;
  if (a === 0 || b === 0) return 0;
  return 1 - Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b));
}
