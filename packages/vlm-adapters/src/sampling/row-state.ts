import type { DecodedRow, DecodeOptions } from './decode-options.js';
import { type RandomStream, randomStream, type StreamKey } from './random-stream.js';
import type { StopStrings } from './stop-strings.js';
import type { TokenSampler } from './token-sampler.js';

/** What rows of one call share. */
export interface RowRules {
  readonly sampler: TokenSampler;
  readonly stopTokens: ReadonlySet<number>;
  readonly stopStrings: StopStrings;
  readonly maxNewTokens: number;
  readonly onToken: DecodeOptions['onToken'];
}

/** One row while it grows. */
export class RowState {
  readonly prompt: number;
  readonly sample: number;
  readonly #random: RandomStream;
  readonly #seen: Set<number>;
  readonly #rules: RowRules;
  readonly #tokenIds: number[] = [];
  readonly #logprobs: number[] = [];
  readonly #modelLogprobs: number[] = [];
  #finishReason: DecodedRow['finishReason'] | null = null;

  constructor(
    place: { readonly prompt: number; readonly sample: number; readonly stream: StreamKey },
    promptIds: Iterable<number>,
    rules: RowRules,
  ) {
    this.prompt = place.prompt;
    this.sample = place.sample;
    this.#random = randomStream(place.stream);
    this.#seen = new Set(promptIds);
    this.#rules = rules;
  }

  get isFinished(): boolean {
    return this.#finishReason !== null;
  }

  /** The newest token: what the decoder is to be fed. */
  get lastToken(): number {
    return this.#tokenIds.at(-1) ?? -1;
  }

  get length(): number {
    return this.#tokenIds.length;
  }

  /** Draws the next token. @param logits `[vocabulary]` */
  grow(logits: ArrayLike<number>): void {
    const { sampler, stopTokens, stopStrings, maxNewTokens, onToken } = this.#rules;
    const { id, logprob, modelLogprob } = sampler.sample(logits, this.#seen, this.#random);
    this.#tokenIds.push(id);
    this.#logprobs.push(logprob);
    this.#modelLogprobs.push(modelLogprob);
    this.#seen.add(id);
    if (stopTokens.has(id) || stopStrings.isComplete(this.#tokenIds)) this.#finishReason = 'stop';
    else if (this.#tokenIds.length >= maxNewTokens) this.#finishReason = 'length';
    onToken?.({ prompt: this.prompt, sample: this.sample, tokenId: id });
  }

  result(): DecodedRow {
    return {
      tokenIds: this.#tokenIds,
      logprobs: this.#logprobs,
      modelLogprobs: this.#modelLogprobs,
      finishReason: this.#finishReason ?? 'length',
    };
  }
}
