import type { RandomStream } from './random-stream.js';
import type { SamplingSettings } from './sampling-settings.js';
import {
  DistributionMemory,
  drawToken,
  greedyToken,
  logProbability,
  modelLogProbability,
  samplingDistribution,
} from './token-distribution.js';

/** A token with what its probability was, in nats. */
export interface SampledToken {
  readonly id: number;
  /** Under the distribution that it was drawn from; 0 for greedy choice, which leaves one token. See `normalizer`. */
  readonly logprob: number;
  /** Under the model's own distribution: no filters, temperature 1. */
  readonly modelLogprob: number;
}

/** Draws tokens from logits; holds memory for one vocabulary, not the state of any row. */
export class TokenSampler {
  readonly #settings: SamplingSettings;
  readonly #isPlain: boolean;
  #memory: DistributionMemory | undefined;

  constructor(settings: SamplingSettings) {
    this.#settings = settings;
    const { temperature, topP, topK, minP, repetitionPenalty } = settings;
    this.#isPlain =
      temperature === 1 && topP === 1 && topK === 0 && minP === 0 && repetitionPenalty === 1;
  }

  /**
   * @param logits `[vocabulary]`
   * @param seen Tokens before this one, for the repetition penalty.
   * @throws {VlmError} `not-finite` for logits that are.
   */
  sample(logits: ArrayLike<number>, seen: Iterable<number>, random: RandomStream): SampledToken {
    if (this.#memory?.weights.length !== logits.length)
      this.#memory = new DistributionMemory(logits.length);
    if (this.#settings.temperature === 0) {
      const id = greedyToken(logits, this.#settings, seen, this.#memory);
      return { id, logprob: 0, modelLogprob: modelLogProbability(logits, id) };
    }
    const distribution = samplingDistribution(logits, this.#settings, seen, this.#memory);
    const id = drawToken(distribution, random());
    const logprob = logProbability(distribution, id);
    // One pass over the vocabulary less where both are the same distribution.
    const modelLogprob = this.#isPlain ? logprob : modelLogProbability(logits, id);
    return { id, logprob, modelLogprob };
  }
}
