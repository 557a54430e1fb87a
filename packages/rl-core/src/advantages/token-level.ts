import { RlError } from '../errors.js';
import { assertSameShape, type Row, type Rows, rowAt } from '../rows.js';
import { type ScoredGroups, scoreGroups } from './rewards.js';
import type { AdvantageInput } from './types.js';

/** The mask, which a token-level estimator cannot do without. */
export function requiredMask(input: AdvantageInput, estimator: string): Rows {
  if (input.mask === undefined) {
    throw new RlError('missing-input', `"mask" is missing: estimator "${estimator}" needs it.`);
  }
  if (input.mask.length !== input.rewards.length) {
    throw new RlError(
      'shape-mismatch',
      `Shape mismatch in "mask": expected ${input.rewards.length} rows as in "rewards", got ${input.mask.length}.`,
    );
  }
  return input.mask;
}

/** Rewards per token: the outcome on each row's last token under the mask, plus `tokenRewards`. */
export interface TokenRewards {
  readonly scored: ScoredGroups;
  readonly mask: Rows;
  /** `[N][T]`; zeros on rows that could not be scored. */
  readonly rewards: readonly Float64Array[];
  /** False for rows that could not be scored; they get no advantage and stay out of means. */
  readonly isScored: readonly boolean[];
}

/**
 * @param outcome Outcome of each row; default: the combined reward.
 */
export function tokenRewards(
  input: AdvantageInput,
  estimator: string,
  outcome?: (scored: ScoredGroups) => ArrayLike<number>,
): TokenRewards {
  const scored = scoreGroups(input);
  const mask = requiredMask(input, estimator);
  if (input.tokenRewards !== undefined) assertSameShape('tokenRewards', input.tokenRewards, mask);
  const outcomes = outcome === undefined ? scored.combined : outcome(scored);
  const isScored = Array.from(scored.combined, (r) => !Number.isNaN(r));
  const rewards = mask.map((row, i) => {
    const extra = input.tokenRewards === undefined ? null : rowAt(input.tokenRewards, i);
    const values = Float64Array.from(row, (m, t) => (extra === null ? 0 : extra[t]! * m));
    const last = lastPosition(row);
    if (last >= 0) values[last] = values[last]! + outcomes[i]!;
    return isScored[i] === true ? values : new Float64Array(row.length);
  });
  return { scored, mask, rewards, isScored };
}

/** Last position under the mask, −1 for none. */
function lastPosition(mask: Row): number {
  for (let t = mask.length - 1; t >= 0; t -= 1) if (mask[t] !== 0) return t;
  return -1;
}

// verl's guards: `masked_mean` divides by the count plus it, `masked_whiten` adds it to the variance.
const GUARD = 1e-8;

/**
 * Whitens the values under the mask of the scored rows: (x − mean)/√(var + 1e-8), var unbiased; 0 elsewhere.
 * With fewer than two tokens there is no variance, and the result is the centered value.
 */
export function whiten(
  values: readonly Float64Array[],
  mask: Rows,
  isScored: readonly boolean[],
): Float64Array[] {
  let count = 0;
  let sum = 0;
  const visit = (use: (value: number) => void): void => {
    values.forEach((row, i) => {
      if (isScored[i] !== true) return;
      for (let t = 0; t < row.length; t += 1) if (rowAt(mask, i)[t] !== 0) use(row[t]!);
    });
  };
  visit((value) => {
    count += 1;
    sum += value;
  });
  const mean = sum / (count + GUARD);
  let squares = 0;
  visit((value) => {
    squares += (value - mean) * (value - mean);
  });
  const variance = ((squares / (count + GUARD)) * count) / (count - 1);
  const scale = count < 2 ? 1 : 1 / Math.sqrt(variance + GUARD);
  return values.map((row, i) => {
    const m = rowAt(mask, i);
    return row.map((value, t) => (isScored[i] === true && m[t] !== 0 ? (value - mean) * scale : 0));
  });
}
