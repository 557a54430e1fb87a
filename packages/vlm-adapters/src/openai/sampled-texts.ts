/** What an answer said about a completion besides its tokens. */
export interface SampledText {
  /** Without the token that ends the turn. */
  readonly text: string;
  readonly endsTurn: boolean;
}

/** Completions that are remembered: more than a training step samples. */
const capacity = 4096;

/** Texts of completions by their tokens, the latest ones. */
export class SampledTexts {
  readonly #texts = new Map<string, SampledText>();

  remember(tokenIds: readonly number[], text: SampledText): void {
    const key = tokenIds.join();
    this.#texts.delete(key);
    this.#texts.set(key, text);
    const [oldest] = this.#texts.keys();
    if (this.#texts.size > capacity && oldest !== undefined) this.#texts.delete(oldest);
  }

  find(tokenIds: readonly number[]): SampledText | undefined {
    return this.#texts.get(tokenIds.join());
  }
}
