import { lmEval } from './lm-eval.js';
import { refocus } from './refocus.js';
import { vtoolV1Reward } from './vtool-v1-reward.js';
import { vtoolV2Eval } from './vtool-v2-eval.js';
import { vtoolV2Reward } from './vtool-v2-reward.js';

/** Takes the answer out of a reply; null where the original finds none. */
export type AnswerExtractor = (reply: string) => string | null;

/** The name of an answer extractor. */
export type AnswerExtractorName =
  | 'refocus'
  | 'vtool-v1-reward'
  | 'vtool-v2-reward'
  | 'vtool-v2-eval'
  | 'lm-eval';

/** The answer extractors by the program they come from. Adding one: a file and a line here. */
export const answerExtractors: Readonly<Record<AnswerExtractorName, AnswerExtractor>> = {
  refocus,
  'vtool-v1-reward': vtoolV1Reward,
  'vtool-v2-reward': vtoolV2Reward,
  'vtool-v2-eval': vtoolV2Eval,
  'lm-eval': lmEval,
};
