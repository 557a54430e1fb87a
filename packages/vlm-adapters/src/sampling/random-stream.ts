import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import { VlmError } from '../errors.js';

/** What a row's random numbers depend on, and nothing else. */
export type StreamKey =
  /** Sample `sample` of prompt `prompt` in a call with this seed. */
  | { readonly seed: number; readonly prompt: number; readonly sample: number }
  /** A stream by its own seed, whatever the row's place. */
  | { readonly rowSeed: number };

/** Uniform numbers in [0, 1) with 53 random bits. */
export type RandomStream = () => number;

/** Sets streams by place and streams by name apart: equal numbers in both give different streams. */
const byPlace = 1;
const byName = 2;

/**
 * The stream of a row. Its 128 bits of state are hashed from the whole key, so that near keys give unrelated
 * streams and none of 2³² rows shares another's.
 *
 * @throws {VlmError} `invalid-argument` for a seed that is no safe integer.
 */
export function randomStream(key: StreamKey): RandomStream {
  const words =
    'rowSeed' in key
      ? [byName, ...wordsOf(key.rowSeed)]
      : [byPlace, ...wordsOf(key.seed), key.prompt, key.sample];
  const generator = xoroshiro128plusFromState([0, 1, 2, 3].map((lane) => hash(words, lane)));
  return () => uniformFloat64(generator);
}

/** Low and high 32 bits of an integer of up to 53 bits, negative ones in two's complement. */
function wordsOf(seed: number): [number, number] {
  if (!Number.isSafeInteger(seed))
    throw new VlmError('invalid-argument', `A seed must be an integer, got ${seed}.`);
  return [seed | 0, Math.floor(seed / 2 ** 32) | 0];
}

/** MurmurHash3 of 32 bits (Appleby, public domain), seeded by the lane. */
function hash(words: readonly number[], lane: number): number {
  let state = Math.imul(lane + 1, 0x9e3779b9);
  for (const word of words) {
    let mixed = Math.imul(word, 0xcc9e2d51);
    mixed = (mixed << 15) | (mixed >>> 17);
    state ^= Math.imul(mixed, 0x1b873593);
    state = (state << 13) | (state >>> 19);
    state = (Math.imul(state, 5) + 0xe6546b64) | 0;
  }
  state ^= 4 * words.length;
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) | 0;
}
