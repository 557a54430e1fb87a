/** From a token's scores over the hidden dimensions, `[H]`, to one score. */
export interface TokenReduction {
  readonly name: string;
  /** Reduces `scores[start … end)`. */
  reduce(scores: ArrayLike<number>, start: number, end: number): number;
}

/** Keeps sign and completeness: tokens sum to what the dimensions sum to. */
const sum: TokenReduction = {
  name: 'sum',
  reduce: (scores, start, end) => {
    let total = 0;
    for (let index = start; index < end; index++) total += scores[index]!;
    return total;
  },
};

/** Sum of absolute values; loses sign and completeness, and flattens distributions (notes: case C). */
const l1: TokenReduction = {
  name: 'l1',
  reduce: (scores, start, end) => {
    let total = 0;
    for (let index = start; index < end; index++) total += Math.abs(scores[index]!);
    return total;
  },
};

/** Euclidean norm, scaled by the largest entry so that neither huge nor tiny scores over- or underflow. */
const l2: TokenReduction = {
  name: 'l2',
  reduce: (scores, start, end) => {
    let largest = 0;
    for (let index = start; index < end; index++)
      largest = Math.max(largest, Math.abs(scores[index]!));
    if (largest === 0) return 0;
    let total = 0;
    for (let index = start; index < end; index++) total += (scores[index]! / largest) ** 2;
    return largest * Math.sqrt(total);
  },
};

export const tokenReductions: Readonly<Record<'sum' | 'l1' | 'l2', TokenReduction>> = {
  sum,
  l1,
  l2,
};
