import { VlmError } from '../errors.js';
import { atLeastKth, nucleus } from './filters.js';
import type { SamplingSettings } from './sampling-settings.js';

/**
 * A distribution over tokens, up to a factor: token `i` has the probability `weights[i] / total`, and 0 weight
 * where a filter took it out.
 */
export interface TokenDistribution {
  /** `[vocabulary]`, float64, the largest 1. Valid until the next distribution is made in the same memory. */
  readonly weights: Float64Array;
  /** `[vocabulary]`: logarithms of the weights, the largest 0; exact where a weight is almost 0. */
  readonly exponents: Float64Array;
  readonly total: number;
  /**
   * What log-probabilities are relative to: the total and, where no filter cuts the distribution, the weight of
   * forbidden tokens. Log-probabilities then are those of the model at this temperature, which may give the
   * forbidden tokens a share, and a trainer that scores the sample finds the same.
   */
  readonly normalizer: number;
}

/** Memory for a vocabulary, used again at each token. */
export class DistributionMemory {
  readonly weights: Float64Array;
  readonly scores: Float64Array;

  constructor(vocabulary: number) {
    this.weights = new Float64Array(vocabulary);
    this.scores = new Float64Array(vocabulary);
  }
}

/**
 * The distribution that tokens are drawn from, at a temperature above 0.
 *
 * In the order of Hugging Face transformers (`_get_logits_processor`): repetition penalty, forbidden tokens,
 * temperature, top-k, top-p, min-p; each works on what the one before has left. All in float64.
 *
 * @param logits `[vocabulary]`; −∞ is a token of probability 0.
 * @param seen Tokens that the repetition penalty applies to, each once.
 * @throws {VlmError} `not-finite` for NaN or +∞, and if no token is left.
 */
export function samplingDistribution(
  logits: ArrayLike<number>,
  settings: SamplingSettings,
  seen: Iterable<number> = [],
  memory: DistributionMemory = new DistributionMemory(logits.length),
): TokenDistribution {
  const { temperature, topK, topP, minP } = settings;
  const { weights } = memory;
  const scores = penalizedScores(logits, settings, seen, memory.scores);
  const forbidden = exclude(scores, settings.forbidden);
  if (topK > 0 && topK < scores.length) {
    const least = atLeastKth(scores, topK);
    for (let id = 0; id < scores.length; id++)
      if ((scores[id] as number) < least) scores[id] = Number.NEGATIVE_INFINITY;
  }
  const largest = largestScore(scores);
  let total = 0;
  for (let id = 0; id < scores.length; id++) {
    const exponent = ((scores[id] as number) - largest) / temperature;
    const weight = Math.exp(exponent);
    scores[id] = exponent;
    weights[id] = weight;
    total += weight;
  }
  if (topP < 1) total = nucleus(weights, scores, { total, topP });
  if (minP > 0) {
    // The largest weight is 1, so shares of it are weights.
    total = 0;
    for (let id = 0; id < weights.length; id++) {
      const weight = weights[id] as number;
      if (weight < minP) weights[id] = 0;
      else total += weight;
    }
  }
  const isCut = topK > 0 || topP < 1 || minP > 0;
  const lost = isCut
    ? 0
    : forbidden.reduce((sum, score) => sum + Math.exp((score - largest) / temperature), 0);
  return { weights, exponents: scores, total, normalizer: total + lost };
}

/** The most probable token after penalty and exclusion; the lowest id among equals. */
export function greedyToken(
  logits: ArrayLike<number>,
  settings: SamplingSettings,
  seen: Iterable<number> = [],
  memory: DistributionMemory = new DistributionMemory(logits.length),
): number {
  const scores = penalizedScores(logits, settings, seen, memory.scores);
  exclude(scores, settings.forbidden);
  return scores.indexOf(largestScore(scores));
}

/**
 * A token by inverse CDF: the first whose cumulative probability exceeds `uniform`.
 *
 * @param uniform In [0, 1).
 */
export function drawToken({ weights, total }: TokenDistribution, uniform: number): number {
  const target = uniform * total;
  let sum = 0;
  let last = -1;
  for (let id = 0; id < weights.length; id++) {
    const weight = weights[id] as number;
    if (weight === 0) continue;
    sum += weight;
    if (target < sum) return id;
    last = id;
  }
  // Reached when rounding has left the target at the sum itself.
  return last;
}

/** log p of a token under a distribution, in nats; −∞ for one that was filtered out. */
export function logProbability(
  { weights, exponents, normalizer }: TokenDistribution,
  id: number,
): number {
  if (weights[id] === 0) return Number.NEGATIVE_INFINITY;
  return (exponents[id] as number) - Math.log(normalizer);
}

/** log p of a token under the model itself: log-softmax of the logits as they are, in float64. */
export function modelLogProbability(logits: ArrayLike<number>, id: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < logits.length; index++) {
    const logit = logits[index] as number;
    if (logit > largest) largest = logit;
  }
  let total = 0;
  for (let index = 0; index < logits.length; index++)
    total += Math.exp((logits[index] as number) - largest);
  return (logits[id] as number) - largest - Math.log(total);
}

function penalizedScores(
  logits: ArrayLike<number>,
  { repetitionPenalty }: SamplingSettings,
  seen: Iterable<number>,
  scores: Float64Array,
): Float64Array {
  scores.set(logits);
  let broken = 0;
  for (let id = 0; id < scores.length; id++) {
    // NaN fails every comparison.
    if (!((scores[id] as number) < Number.POSITIVE_INFINITY)) broken++;
  }
  if (broken > 0) {
    throw new VlmError(
      'not-finite',
      `${broken} of ${scores.length} logits are NaN or +∞: the weights or the inputs of the model hold such numbers.`,
    );
  }
  if (repetitionPenalty !== 1) {
    for (const id of seen) {
      const score = scores[id];
      if (score === undefined) continue;
      scores[id] = score < 0 ? score * repetitionPenalty : score / repetitionPenalty;
    }
  }
  return scores;
}

/** Takes tokens out and gives the scores they had. */
function exclude(scores: Float64Array, forbidden: readonly number[]): number[] {
  const taken: number[] = [];
  for (const id of new Set(forbidden)) {
    const score = scores[id];
    if (score === undefined) continue;
    taken.push(score);
    scores[id] = Number.NEGATIVE_INFINITY;
  }
  return taken;
}

function largestScore(scores: Float64Array): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id] as number;
    if (score > largest) largest = score;
  }
  if (largest === Number.NEGATIVE_INFINITY)
    throw new VlmError('not-finite', 'No token is left to draw: all are forbidden or have −∞.');
  return largest;
}
