import type { JudgePrompt } from './judge-prompt.js';

/** CharXiv's rubric by answer type (princeton-nlp/CharXiv 7ebe88f7), in our words. */
const RULES = {
  1: 'The answer is a text that stands in the chart. Score 1 for the same term; notation (α or alpha, LaTeX) and the order of several terms do not matter.',
  2: 'The answer is a text. If the question lists options, it must be the same option; else the same meaning.',
  3: 'The answer is a number in the chart. Score 1 only for exactly the same value; notation (1500 or 1.5e3) does not matter.',
  4: 'The answer is a number. Score 1 only for exactly the same value; notation (1500 or 1.5e3) does not matter.',
} as const;

/** CharXiv's reasoning questions: the judge extracts the answer and scores it, as JSON. */
export const charxivReasoning: JudgePrompt = {
  name: 'charxiv',
  maxTokens: 256,
  ask: ({ prediction, answer, question, answerType = 2 }) =>
    [
      'Extract the final answer from the reply and score it against the correct answer.',
      RULES[answerType],
      'Write only JSON: {"extracted_answer": "…", "score": 0 or 1}',
      '',
      `Question: ${question}`,
      `Correct answer: ${answer}`,
      `Reply: ${prediction}`,
    ].join('\n'),
  read(reply) {
    try {
      const start = reply.indexOf('{');
      const parsed: unknown = JSON.parse(reply.slice(start, reply.lastIndexOf('}') + 1));
      if (typeof parsed !== 'object' || parsed === null || !('score' in parsed)) return null;
      const { score } = parsed;
      return score === 1 || score === '1' ? 1 : score === 0 || score === '0' ? 0 : null;
    } catch {
      // The reply is no JSON: there is no score, which the caller reports with the reply.
      return null;
    }
  },
};
