import type { SelectionInput } from './types.js';

/** One token under the mask with its covariance term. */
export interface TokenCovariance {
  readonly row: number;
  readonly position: number;
  /** (A − mean A)(ℓ − mean ℓ), the means over all tokens under the mask. */
  readonly covariance: number;
}

/** The covariance terms of every token under the mask, in row order. */
export function tokenCovariances({
  logprobs,
  advantageAt,
  positions,
}: SelectionInput): TokenCovariance[] {
  let count = 0;
  let advantageSum = 0;
  let logprobSum = 0;
  positions.forEach((list, i) => {
    for (const t of list) {
      count += 1;
      advantageSum += advantageAt(i, t);
      logprobSum += logprobs[i]![t]!;
    }
  });
  const advantageMean = advantageSum / count;
  const logprobMean = logprobSum / count;
  return positions.flatMap((list, row) =>
    Array.from(list, (position) => ({
      row,
      position,
      covariance:
        (advantageAt(row, position) - advantageMean) * (logprobs[row]![position]! - logprobMean),
    })),
  );
}
