import { type Rows, rowAt } from '../rows.js';
import { quantile } from './quantile.js';

/**
 * Entropy above which a token keeps its policy term: the (1 − ρ)-quantile over the tokens under the mask
 * (Wang et al., "Beyond the 80/20 Rule", 2506.01939; TRL `top_entropy_quantile`).
 *
 * @param entropies Nats, `[B][T]`.
 * @param positions Positions under the mask, one list a row.
 * @param keep ρ, the share of tokens to keep.
 * @returns The threshold; +∞ when there are no tokens, which keeps none.
 */
export function entropyThreshold(
  entropies: Rows,
  positions: readonly Int32Array[],
  keep: number,
): number {
  const count = positions.reduce((sum, list) => sum + list.length, 0);
  if (count === 0) return Number.POSITIVE_INFINITY;
  const values = new Float64Array(count);
  let next = 0;
  positions.forEach((list, i) => {
    const row = rowAt(entropies, i);
    for (const t of list) values[next++] = row[t]!;
  });
  return quantile(values, 1 - keep);
}
