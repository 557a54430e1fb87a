import { charxivReasoning } from './charxiv.js';
import type { JudgePrompt } from './judge-prompt.js';
import { sameAnswer } from './same-answer.js';

/** The name of a judge prompt. */
export type JudgePromptName = 'same-answer' | 'charxiv';

/** The judge prompts by name. Adding one: a file and a line here. */
export const judgePrompts: Readonly<Record<JudgePromptName, JudgePrompt>> = {
  'same-answer': sameAnswer,
  charxiv: charxivReasoning,
};
