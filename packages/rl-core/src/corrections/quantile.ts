/** Puts the k-th smallest number at index k, everything not greater before it and not less behind (Hoare's selection). */
function select(values: Float64Array, k: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const pivot = values[(low + high) >> 1]!;
    let i = low;
    let j = high;
    while (i <= j) {
      while (values[i]! < pivot) i += 1;
      while (values[j]! > pivot) j -= 1;
      if (i > j) break;
      const swap = values[i]!;
      values[i] = values[j]!;
      values[j] = swap;
      i += 1;
      j -= 1;
    }
    if (k <= j) high = j;
    else if (k >= i) low = i;
    else break;
  }
  return values[k]!;
}

/**
 * The quantile by linear interpolation between neighbors, as `torch.quantile` and `numpy.quantile` by default.
 *
 * @param values At least one finite number; reordered in place.
 * @param q In [0, 1].
 */
export function quantile(values: Float64Array, q: number): number {
  const position = q * (values.length - 1);
  const below = Math.floor(position);
  const lower = select(values, below);
  const fraction = position - below;
  if (fraction === 0) return lower;
  let upper = Number.POSITIVE_INFINITY;
  for (let i = below + 1; i < values.length; i += 1) upper = Math.min(upper, values[i]!);
  return lower + fraction * (upper - lower);
}
