/** Pearson's r; `null` when a side is constant or shorter than 2, because r is then 0/0. */
export function pearsonCorrelation(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  const length = Math.min(a.length, b.length);
  if (length < 2) return null;
  let meanA = 0;
  let meanB = 0;
  for (let index = 0; index < length; index++) {
    meanA += a[index]! / length;
    meanB += b[index]! / length;
  }
  let covariance = 0;
  let varianceA = 0;
  let varianceB = 0;
  for (let index = 0; index < length; index++) {
    const da = a[index]! - meanA;
    const db = b[index]! - meanB;
    covariance += da * db;
    varianceA += da * da;
    varianceB += db * db;
  }
  if (isConstant(a) || isConstant(b)) return null;
  return covariance / Math.sqrt(varianceA * varianceB);
}

/** Spearman's ρ: Pearson's r of the ranks, ties sharing their mean rank. */
export function spearmanCorrelation(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  return pearsonCorrelation(ranks(a), ranks(b));
}

/** Compared entry by entry: the variance of equal entries can be a rounding error instead of 0. */
function isConstant(values: ArrayLike<number>): boolean {
  for (let index = 1; index < values.length; index++) {
    if (values[index] !== values[0]) return false;
  }
  return true;
}

/** Ranks from 1, ties at their mean. */
function ranks(values: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: values.length }, (_, index) => index);
  order.sort((left, right) => values[left]! - values[right]!);
  const result = new Float64Array(values.length);
  let start = 0;
  while (start < order.length) {
    let end = start + 1;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let index = start; index < end; index++) result[order[index]!] = (start + end + 1) / 2;
    start = end;
  }
  return result;
}
