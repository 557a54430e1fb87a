import { type BlockReduction, blockReductions } from './block-reductions.js';
import { type TokenReduction, tokenReductions } from './token-reductions.js';

/** How dimension scores become token scores (`token`) and token scores become block scores (`block`). */
export interface Reduction {
  readonly name: string;
  readonly token: TokenReduction;
  readonly block: BlockReduction;
}

/** Named `token>block`: first over the hidden dimensions of a token, then over the tokens of a block. */
export const reductions: Readonly<Record<ReductionName, Reduction>> = {
  'sum>sum': pair('sum', 'sum'),
  'sum>sumAbs': pair('sum', 'sumAbs'),
  'sum>mean': pair('sum', 'mean'),
  'sum>meanAbs': pair('sum', 'meanAbs'),
  'sum>absmax': pair('sum', 'absmax'),
  'sum>perSqrtToken': pair('sum', 'perSqrtToken'),
  'l1>sum': pair('l1', 'sum'),
  'l1>mean': pair('l1', 'mean'),
  'l1>absmax': pair('l1', 'absmax'),
  'l1>perSqrtToken': pair('l1', 'perSqrtToken'),
  'l2>sum': pair('l2', 'sum'),
  'l2>mean': pair('l2', 'mean'),
  'l2>absmax': pair('l2', 'absmax'),
  'l2>perSqrtToken': pair('l2', 'perSqrtToken'),
};

export type ReductionName =
  | 'sum>sum'
  | 'sum>sumAbs'
  | 'sum>mean'
  | 'sum>meanAbs'
  | 'sum>absmax'
  | 'sum>perSqrtToken'
  | 'l1>sum'
  | 'l1>mean'
  | 'l1>absmax'
  | 'l1>perSqrtToken'
  | 'l2>sum'
  | 'l2>mean'
  | 'l2>absmax'
  | 'l2>perSqrtToken';

function pair(token: keyof typeof tokenReductions, block: keyof typeof blockReductions): Reduction {
  return {
    name: `${token}>${block}`,
    token: tokenReductions[token],
    block: blockReductions[block],
  };
}
