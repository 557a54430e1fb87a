import { charxivReasoning } from './charxiv.js';
import type { JudgePrompt } from './judge-prompt.js';
import { sameAnswer } from './same-answer.js';

/** The judge prompts by name. Adding one: a file and a line here. */
export const judgePrompts = {
  'same-answer': sameAnswer,
  charxiv: charxivReasoning,
} satisfies Readonly<Record<string, JudgePrompt>>;
