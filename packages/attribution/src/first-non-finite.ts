/** Index of the first entry that is NaN or infinite, or −1. */
export function firstNonFinite(values: ArrayLike<number>): number {
  // 0 · x is 0 for every finite x and NaN otherwise: one test for all entries instead of one each.
  let probe = 0;
  for (let index = 0; index < values.length; index++) probe += 0 * values[index]!;
  if (probe === 0) return -1;
  for (let index = 0; index < values.length; index++) {
    if (!Number.isFinite(values[index]!)) return index;
  }
  return -1;
}
