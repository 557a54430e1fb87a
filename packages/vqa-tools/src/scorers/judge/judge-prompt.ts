import type { ScoreInput } from '../scorer.js';

/** How a judge is asked, and how its reply is read. */
export interface JudgePrompt {
  readonly name: string;
  /** The user message. */
  ask(input: {
    prediction: string;
    answer: string;
    question: string;
    answerType: ScoreInput['answerType'];
  }): string;
  /** 0 or 1, or null for a reply that is neither. */
  read(reply: string): 0 | 1 | null;
  /** Default limit of the reply. */
  readonly maxTokens: number;
}

/** A reply that starts with the digit 0 or 1, as ReFocus and VTool-R1 ask for. */
export function readDigit(reply: string): 0 | 1 | null {
  const digit = /^\s*["'(]?([01])(?![\d.,])/.exec(reply)?.[1];
  return digit === undefined ? null : digit === '1' ? 1 : 0;
}
