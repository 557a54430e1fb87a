/** From the scores of a block's tokens to the block's score; never called without tokens. */
export interface BlockReduction {
  readonly name: string;
  reduce(scores: readonly number[]): number;
}

/** Keeps completeness; scores of opposite sign cancel, so a busy block can end near 0. */
const sum: BlockReduction = { name: 'sum', reduce: (scores) => total(scores) };

/** Nothing cancels; grows with the number of tokens. */
const sumAbs: BlockReduction = { name: 'sumAbs', reduce: (scores) => total(scores.map(Math.abs)) };

/** Per token, so that an image of a thousand tokens does not swamp a request of ten. */
const mean: BlockReduction = { name: 'mean', reduce: (scores) => total(scores) / scores.length };

const meanAbs: BlockReduction = {
  name: 'meanAbs',
  reduce: (scores) => total(scores.map(Math.abs)) / scores.length,
};

/** The score of the token with the largest magnitude, sign kept (Inseq's span aggregation); the first of ties. */
const absmax: BlockReduction = {
  name: 'absmax',
  reduce: (scores) => {
    let largest = scores[0]!;
    for (const score of scores) {
      if (Math.abs(score) > Math.abs(largest)) largest = score;
    }
    return largest;
  },
};

/** Between sum and mean: a block of independent noise keeps the same scale whatever its length. */
const perSqrtToken: BlockReduction = {
  name: 'perSqrtToken',
  reduce: (scores) => total(scores) / Math.sqrt(scores.length),
};

export const blockReductions: Readonly<
  Record<'sum' | 'sumAbs' | 'mean' | 'meanAbs' | 'absmax' | 'perSqrtToken', BlockReduction>
> = { sum, sumAbs, mean, meanAbs, absmax, perSqrtToken };

function total(scores: readonly number[]): number {
  let result = 0;
  for (const score of scores) result += score;
  return result;
}
