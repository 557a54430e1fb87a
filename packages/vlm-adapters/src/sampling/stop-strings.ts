import { VlmError } from '../errors.js';

/** Tokens beside the longest stop string that are read with it: a decoder may join or strip at the edges. */
const margin = 4;

/**
 * Finds out whether the newest token completes one of several texts.
 *
 * Only the end of a completion is decoded. Each token says one byte at least, so a text of b bytes lies within the
 * last b tokens.
 */
export class StopStrings {
  readonly #texts: readonly string[];
  readonly #window: number;
  readonly #decode: (ids: readonly number[]) => string;

  /** @throws {VlmError} `invalid-argument` for an empty text, which every completion ends with. */
  constructor(texts: readonly string[], decode: (ids: readonly number[]) => string) {
    if (texts.includes(''))
      throw new VlmError('invalid-argument', '`stop` holds an empty text; leave it out.');
    this.#texts = texts;
    this.#decode = decode;
    this.#window = margin + Math.max(0, ...texts.map((text) => Buffer.byteLength(text)));
  }

  /** Call after each token: a text that ended earlier would have stopped the completion then. */
  isComplete(tokenIds: readonly number[]): boolean {
    if (this.#texts.length === 0) return false;
    const text = this.#decode(tokenIds.slice(-this.#window));
    return this.#texts.some((stop) => text.includes(stop));
  }
}
