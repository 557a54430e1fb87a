import { type JudgePrompt, readDigit } from './judge-prompt.js';

/**
 * Whether two answers mean the same, with the question and examples of the tolerance: what ReFocus
 * and VTool-R1 ask GPT-4o for charts, in our words.
 */
export const sameAnswer: JudgePrompt = {
  name: 'same-answer',
  maxTokens: 8,
  ask: ({ prediction, answer, question }) =>
    [
      'Decide whether the prediction answers the question correctly. Only its content counts, not its form.',
      'Reply with one digit: 1 if it is correct, 0 if it is not.',
      'Percent signs and small rounding do not matter: 69% is 69; 3% is 0.03; 1.541 is 1.54. A different amount is wrong: 180 is not 80.',
      '',
      `Question: ${question}`,
      `Correct answer: ${answer}`,
      `Prediction: ${prediction}`,
      'Digit:',
    ].join('\n'),
  read: readDigit,
};
