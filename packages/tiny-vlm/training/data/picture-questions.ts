import type { ChartContent } from '../../src/index.js';
import type { TextRandom } from '../../src/small-charts/random.js';

/** A question about a picture that needs no tool, and its answer: how the models learn to see. */
export interface PictureQuestion {
  readonly question: string;
  readonly answer: string;
}

/** Everything that can be asked of one item, and the picture read out as a whole. */
export function allQuestions({ kind, items }: ChartContent): PictureQuestion[] {
  const ofItems = items.flatMap(({ label, color, value }) => [
    { question: `label of ${color}?`, answer: label },
    { question: `color of ${label}?`, answer: color },
    { question: `number of ${label}?`, answer: String(value) },
    { question: `number of ${color}?`, answer: String(value) },
  ]);
  const all = items.map(({ label, color, value }) => `${label} ${color} ${value}`).join('; ');
  return [
    { question: 'bars or table?', answer: kind },
    ...ofItems,
    { question: 'read all', answer: all },
  ];
}

/** Some of them in random order; `read all` only where `readsAll`. */
export function drawQuestions(
  random: TextRandom,
  content: ChartContent,
  { count, readsAll }: { readonly count: number; readonly readsAll: boolean },
): PictureQuestion[] {
  const questions = allQuestions(content);
  const single = questions.slice(0, -1);
  const chosen = random.sample(single, readsAll ? count - 1 : count);
  return readsAll ? [...questions.slice(-1), ...chosen] : chosen;
}
