/** Mean of the numbers that are not NaN; NaN over nothing (torch.nanmean). */
export function nanMean(values: ArrayLike<number>): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i]!;
    if (Number.isNaN(value)) continue;
    sum += value;
    count += 1;
  }
  return sum / count;
}

/** Unbiased standard deviation of the numbers that are not NaN; NaN for fewer than two. */
export function nanDeviation(values: ArrayLike<number>): number {
  const mean = nanMean(values);
  let sum = 0;
  let count = 0;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i]!;
    if (Number.isNaN(value)) continue;
    sum += (value - mean) * (value - mean);
    count += 1;
  }
  return count < 2 ? Number.NaN : Math.sqrt(sum / (count - 1));
}

/** The values at the given rows. */
export function pick(values: ArrayLike<number>, rows: readonly number[]): Float64Array {
  return Float64Array.from(rows, (i) => values[i]!);
}

/** Whether a standard deviation counts as none: torch.isclose to 0, absolute tolerance 1e-8. */
export function isZeroDeviation(deviation: number): boolean {
  return Math.abs(deviation) <= 1e-8;
}

/** NaN becomes null, for reports. */
export function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
