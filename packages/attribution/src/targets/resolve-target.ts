import { AttributionError } from '../errors.js';
import type { AttributionInput } from '../input.js';
import { lookUp } from '../look-up.js';
import type { AttributionModel, ScoreQuantity } from '../model.js';
import { resolveTokenWeights, type TokenWeights } from '../spans/token-weights.js';
import type { Link, Target } from './target.js';
import { targets } from './targets.js';

/** One completion to score, and what each of its tokens counts in the sum. */
export interface TargetTerm {
  readonly completion: readonly number[];
  readonly weights: Float64Array;
}

/** A target made concrete: completions to score, signed weights, link. */
export interface ResolvedTarget {
  readonly name: string;
  readonly quantity: ScoreQuantity;
  readonly link: Link;
  readonly terms: readonly TargetTerm[];
  /** Tokens of all terms together. */
  readonly tokenCount: number;
}

/** @throws {AttributionError} `unsupported` when the model cannot give the quantity that the target reads. */
export function resolveTarget(
  model: AttributionModel,
  input: AttributionInput,
  choice: string | Target = 'logProbability',
  tokenWeights?: TokenWeights,
): ResolvedTarget {
  const target = lookUp<Target>('target', targets, choice);
  const offered = model.quantities ?? ['logprob'];
  if (!offered.includes(target.quantity)) {
    throw new AttributionError(
      'unsupported',
      `Target "${target.name}" reads the ${target.quantity} of a token; this model offers ${offered.join(', ')}.`,
    );
  }
  const terms: TargetTerm[] = [
    { completion: input.completion, weights: resolveTokenWeights(input, tokenWeights) },
  ];
  if (target.contrast !== undefined) terms.push(contrastTerm(target.contrast));
  return {
    name: target.name,
    quantity: target.quantity,
    link: target.link,
    terms,
    tokenCount: terms.reduce((sum, { completion }) => sum + completion.length, 0),
  };
}

/** The same target restricted to one token, counted over all terms; the other tokens keep their place at weight 0. */
export function restrictToToken(target: ResolvedTarget, token: number): ResolvedTarget {
  let start = 0;
  const terms = target.terms.map(({ completion, weights }) => {
    const single = new Float64Array(weights.length);
    const local = token - start;
    if (local >= 0 && local < weights.length) single[local] = weights[local]!;
    start += weights.length;
    return { completion, weights: single };
  });
  return { ...target, terms };
}

/** Σ_t w_t · score_t; tokens of weight 0 are skipped, so a token of probability 0 outside the span is harmless. */
export function weightedSum(
  weights: Float64Array,
  scores: ArrayLike<number>,
  scoresStart: number,
): number {
  let sum = 0;
  for (let index = 0; index < weights.length; index++) {
    if (weights[index] !== 0) sum += weights[index]! * scores[scoresStart + index]!;
  }
  return sum;
}

function contrastTerm(contrast: NonNullable<Target['contrast']>): TargetTerm {
  const { completion, weights } = contrast;
  if (weights !== undefined && weights.length !== completion.length) {
    throw new AttributionError(
      'bad-option',
      `The contrast's weights must match its tokens: expected ${completion.length}, got ${weights.length}.`,
    );
  }
  return {
    completion,
    weights: Float64Array.from(completion, (_, index) => -(weights?.[index] ?? 1)),
  };
}

/**
 * F of one point from the scores of all its completion tokens.
 *
 * @throws {AttributionError} `non-finite` when F is NaN or infinite, saying where.
 */
export function targetValue(
  target: ResolvedTarget,
  scores: ArrayLike<number>,
  where: string,
): number {
  return linkedValue(target, targetSum(target, scores), where);
}

/** The weighted sum before the link; may be −∞. */
export function targetSum(target: ResolvedTarget, scores: ArrayLike<number>): number {
  let sum = 0;
  let column = 0;
  for (const { weights } of target.terms) {
    sum += weightedSum(weights, scores, column);
    column += weights.length;
  }
  return sum;
}

/** Applies the link and refuses a value that is not a number. */
export function linkedValue(target: ResolvedTarget, sum: number, where: string): number {
  const value = target.link.value(sum);
  if (Number.isFinite(value)) return value;
  const advice =
    sum === Number.NEGATIVE_INFINITY
      ? 'A token of the call has probability 0 there: leave it out with `tokenWeights`, or use another baseline.'
      : 'Check the model, or use the target "logProbability".';
  throw new AttributionError(
    'non-finite',
    `Target "${target.name}" is ${value} at ${where} (weighted sum of the token scores: ${sum}). ${advice}`,
  );
}
