import { AttributionError } from '../errors.js';
import type { AttributionResult } from '../result.js';
import { spearmanCorrelation } from '../statistics/correlation.js';

/** How alike two explanations of the same input are. */
export interface Agreement {
  /** Spearman's ρ of the token scores; `null` when one side is constant. */
  readonly tokens: number | null;
  /** Spearman's ρ of the block scores, over blocks that both have. */
  readonly blocks: number | null;
  /** Share of the k tokens of largest magnitude that both have in common. */
  readonly topTokens: number;
  readonly topCount: number;
}

/**
 * Rank correlation and top-k overlap of two results on the same prompt, e.g. of two methods.
 *
 * @param options.top k. Default: a tenth of the tokens, at least 1.
 * @throws {AttributionError} `bad-input` for prompts of different length.
 */
export function agreement(
  first: AttributionResult,
  second: AttributionResult,
  options: { top?: number } = {},
): Agreement {
  const a = first.tokens.scores;
  const b = second.tokens.scores;
  if (a.length !== b.length) {
    throw new AttributionError(
      'bad-input',
      `Agreement compares explanations of one prompt; these have ${a.length} and ${b.length} tokens. Use compareAttributions for two models.`,
    );
  }
  const { top = Math.max(1, Math.round(a.length / 10)) } = options;
  if (!Number.isInteger(top) || top < 1 || top > a.length) {
    throw new AttributionError(
      'bad-option',
      `\`top\` must be an integer from 1 to ${a.length}, got ${top}.`,
    );
  }
  const firstTop = new Set(largest(a, top));
  const common = largest(b, top).filter((token) => firstTop.has(token)).length;
  const other = new Map(second.blocks.map((block) => [block.name, block.score]));
  const pairs = first.blocks.flatMap(({ name, score }) => {
    const match = other.get(name);
    return score === null || match === null || match === undefined ? [] : [[score, match] as const];
  });
  return {
    tokens: spearmanCorrelation(a, b),
    blocks: spearmanCorrelation(
      pairs.map(([score]) => score),
      pairs.map(([, score]) => score),
    ),
    topTokens: common / top,
    topCount: top,
  };
}

function largest(scores: readonly number[], count: number): number[] {
  return scores
    .map((_, index) => index)
    .sort((left, right) => Math.abs(scores[right]!) - Math.abs(scores[left]!))
    .slice(0, count);
}
