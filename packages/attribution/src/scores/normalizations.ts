import { AttributionError } from '../errors.js';

/** From block scores to non-negative weights, which {@link normalizeScores} divides by their sum. */
export interface Normalization {
  readonly name: string;
  readonly parameters?: Readonly<Record<string, number>>;
  /** One weight a score, each ≥ 0; all zero means that the scores carry no distribution. */
  weigh(scores: readonly number[]): readonly number[];
}

const abs: Normalization = { name: 'abs', weigh: (scores) => scores.map(Math.abs) };

/** Only support counts: blocks that spoke against the call get 0. */
const relu: Normalization = {
  name: 'relu',
  weigh: (scores) => scores.map((score) => Math.max(score, 0)),
};

/** Divided by the largest magnitude first: squares of 1e-200 or 1e200 would be 0 or infinite. */
const square: Normalization = {
  name: 'square',
  weigh: (scores) => {
    const largest = largestMagnitude(scores);
    return largest === 0 ? scores.map(() => 0) : scores.map((score) => (score / largest) ** 2);
  },
};

/** Distance from the smallest score: depends on which blocks are present, and the lowest always gets 0. */
const minmax: Normalization = {
  name: 'minmax',
  weigh: (scores) => {
    const lowest = scores.reduce(
      (smaller, score) => Math.min(smaller, score),
      Number.POSITIVE_INFINITY,
    );
    return scores.map((score) => score - lowest);
  },
};

/**
 * exp(score / temperature): depends on the scale of the scores, which grows with the completion's length.
 *
 * @param options.temperature In nats, like the scores. Default 1.
 */
export function softmaxWith({ temperature = 1 }: { temperature?: number } = {}): Normalization {
  return exponential('softmax', temperature, (score) => score);
}

/** exp(|score| / temperature). */
export function softmaxAbsWith({ temperature = 1 }: { temperature?: number } = {}): Normalization {
  return exponential('softmaxAbs', temperature, Math.abs);
}

/** Normalizations by name; `softmaxWith` and `softmaxAbsWith` take another temperature. */
export const normalizations: Readonly<Record<NormalizationName, Normalization>> = {
  abs,
  relu,
  square,
  softmax: softmaxWith(),
  softmaxAbs: softmaxAbsWith(),
  minmax,
};

export type NormalizationName = 'abs' | 'relu' | 'square' | 'softmax' | 'softmaxAbs' | 'minmax';

/** Shares that sum to 1, and why they mean nothing if they do. */
export interface BlockDistribution {
  readonly shares: readonly number[];
  /** `null`, or the reason why `shares` (then uniform) must not be used as a measurement. */
  readonly degenerate: string | null;
}

/**
 * Makes a distribution of block scores. Where the weights sum to 0, or there is nothing to distribute, the shares
 * are uniform **and flagged**: a trainer drops such a sample instead of training toward uniform.
 *
 * @throws {AttributionError} `non-finite` for a score or weight that is NaN or infinite.
 */
export function normalizeScores(
  scores: readonly number[],
  normalization: Normalization,
): BlockDistribution {
  if (scores.length === 0) return { shares: [], degenerate: 'no block has a score' };
  requireFinite(scores, 'score');
  const weights = normalization.weigh(scores);
  requireFinite(weights, `weight of normalization "${normalization.name}"`);
  const largest = largestMagnitude(weights);
  const uniform = scores.map(() => 1 / scores.length);
  if (largestMagnitude(scores) === 0) return { shares: uniform, degenerate: 'all scores are 0' };
  if (largest === 0) {
    return {
      shares: uniform,
      degenerate: `all scores are 0 after normalization "${normalization.name}"`,
    };
  }
  // Scaled by the largest weight: the sum of several 1e308 would overflow.
  const scaled = weights.map((weight) => weight / largest);
  const total = scaled.reduce((sum, weight) => sum + weight, 0);
  return {
    shares: scaled.map((weight) => weight / total),
    degenerate: scores.length === 1 ? 'one block only: its share is 1 whatever its score' : null,
  };
}

function exponential(
  name: string,
  temperature: number,
  measure: (score: number) => number,
): Normalization {
  if (!(temperature > 0 && Number.isFinite(temperature))) {
    throw new AttributionError(
      'bad-option',
      `\`temperature\` must be above 0, got ${temperature}.`,
    );
  }
  return {
    name,
    parameters: { temperature },
    weigh: (scores) => {
      const logits = scores.map((score) => measure(score) / temperature);
      // Shifted by the largest logit, so that exp never overflows.
      const highest = logits.reduce(
        (larger, logit) => Math.max(larger, logit),
        Number.NEGATIVE_INFINITY,
      );
      return logits.map((logit) => Math.exp(logit - highest));
    },
  };
}

function largestMagnitude(values: readonly number[]): number {
  return values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}

function requireFinite(values: readonly number[], what: string): void {
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index >= 0) {
    throw new AttributionError('non-finite', `Block ${index}: its ${what} is ${values[index]}.`);
  }
}
