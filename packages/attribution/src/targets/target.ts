import type { ScoreQuantity } from '../model.js';

/**
 * The scalar F that is explained: `F = link(Σ_t w_t · score_t)`, the score being a log-probability or a logit of
 * the completion's token t. A contrastive target adds a second completion with the opposite sign.
 */
export interface Target {
  readonly name: string;
  readonly quantity: ScoreQuantity;
  readonly link: Link;
  readonly contrast?: {
    readonly completion: readonly number[];
    /** One weight a token of the contrast. Default: all 1. */
    readonly weights?: readonly number[];
  };
}

/** The function applied to the weighted sum, with its derivative. */
export interface Link {
  readonly name: string;
  value(sum: number): number;
  derivative(sum: number): number;
}
