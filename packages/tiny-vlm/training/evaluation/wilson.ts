/** A share with its 95 % interval. */
export interface Share {
  readonly right: number;
  readonly count: number;
  /** Null where nothing was counted. */
  readonly share: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/** Quantile of the normal distribution for 95 % on two sides. */
const z = 1.959963984540054;

/**
 * Share of `right` in `count` with Wilson's score interval:
 *
 *   (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n)
 *
 * @see Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927.
 */
export function wilson(right: number, count: number): Share {
  if (count === 0) return { right, count, share: null, low: null, high: null };
  const p = right / count;
  const scale = 1 + (z * z) / count;
  const center = (p + (z * z) / (2 * count)) / scale;
  const half = (z / scale) * Math.sqrt((p * (1 - p)) / count + (z * z) / (4 * count * count));
  return {
    right,
    count,
    share: p,
    low: Math.max(0, center - half),
    high: Math.min(1, center + half),
  };
}
