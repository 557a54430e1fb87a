import { answerList, MISSING_PREDICTION, predictionText, type RuleScorer } from './scorer.js';

const TRUE_WORDS = /(?<![\p{L}\p{N}])(?:true|yes|entailed|supported|correct|1)(?![\p{L}\p{N}])/iu;
const FALSE_WORDS =
  /(?<![\p{L}\p{N}])(?:false|no|refuted|unsupported|incorrect|0)(?![\p{L}\p{N}])/iu;
/** Short enough that every prediction is read in no time; a verdict is a word. */
const MAX_LENGTH = 10_000;

/**
 * TabFact accuracy: whether the prediction's verdict is the label (1 entailed, 0 refuted). Whole
 * words, unlike TableVQA-Bench's substrings. Our own rule: TabFact's original scores a classifier,
 * not text. A prediction with both verdicts has no score.
 */
export const tabfact: RuleScorer = {
  name: 'tabfact',
  description: 'A verdict (true, yes, entailed, … or false, no, refuted, …) against the label.',
  score(input) {
    const text = predictionText(input)?.slice(0, MAX_LENGTH);
    if (text === undefined) return MISSING_PREDICTION;
    const saysTrue = TRUE_WORDS.test(text);
    const saysFalse = FALSE_WORDS.test(text);
    if (saysTrue && saysFalse) return { score: null, reason: 'the prediction says both' };
    const gold = (answerList(input)[0] ?? '').toLowerCase();
    const isEntailed = ['1', 'true', 'yes', 'entailed'].includes(gold);
    return { score: (isEntailed ? saysTrue : saysFalse) ? 1 : 0 };
  },
};
