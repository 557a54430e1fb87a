import type { Score } from './scorer.js';

/** The mean of scores with its uncertainty. */
export interface ScoreSummary {
  /** All scores, with and without a number. */
  readonly count: number;
  /** Those without a number; they are not in the mean. */
  readonly unscorable: number;
  /** Mean of the scores, or null where there is none. */
  readonly mean: number | null;
  /** 95 % interval of the mean: Wilson's for scores of 0 and 1, else mean ± 1.96 standard errors. */
  readonly interval: readonly [low: number, high: number] | null;
  /** The mean with unscorable ones counted as 0, as TableVQA-Bench and CharXiv report it. */
  readonly meanWithUnscorableAsWrong: number | null;
}

/** The 97.5 % quantile of the normal distribution. */
const Z = 1.959963984540054;

/**
 * Averages scores. Wilson's interval, for k right of n:
 *
 *   (k + z²/2 ± z·√(k(n − k)/n + z²/4)) / (n + z²)
 *
 * @see Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
 */
export function summarizeScores(scores: readonly Pick<Score, 'score'>[]): ScoreSummary {
  const numbers = scores.flatMap(({ score }) => (score === null ? [] : [score]));
  const n = numbers.length;
  const count = scores.length;
  const sum = numbers.reduce((total, score) => total + score, 0);
  if (n === 0) {
    const meanWithUnscorableAsWrong = count === 0 ? null : 0;
    return { count, unscorable: count, mean: null, interval: null, meanWithUnscorableAsWrong };
  }
  const isBinary = numbers.every((score) => score === 0 || score === 1);
  return {
    count,
    unscorable: count - n,
    mean: sum / n,
    interval: isBinary ? wilson(sum, n) : normal(numbers, sum / n),
    meanWithUnscorableAsWrong: sum / count,
  };
}

function wilson(right: number, n: number): [number, number] {
  const center = right + Z ** 2 / 2;
  const half = Z * Math.sqrt((right * (n - right)) / n + Z ** 2 / 4);
  const clamp = (value: number): number => Math.min(1, Math.max(0, value));
  return [clamp((center - half) / (n + Z ** 2)), clamp((center + half) / (n + Z ** 2))];
}

/** With one score the spread is unknown; there is no interval then. */
function normal(numbers: readonly number[], mean: number): [number, number] | null {
  const n = numbers.length;
  if (n < 2) return null;
  const variance = numbers.reduce((sum, score) => sum + (score - mean) ** 2, 0) / (n - 1);
  const half = Z * Math.sqrt(variance / n);
  return [mean - half, mean + half];
}

/** TableVQA-Bench's accuracy in percent: round((right + 1e-9)/(n + 1e-9), 8) · 100; null counts as wrong. */
export function tablevqaAccuracy(scores: readonly Pick<Score, 'score'>[]): number {
  const right = scores.reduce((sum, { score }) => sum + (score ?? 0), 0);
  return (Math.round(((right + 1e-9) / (scores.length + 1e-9)) * 1e8) / 1e8) * 100;
}
