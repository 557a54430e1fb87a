import type { Fill } from './weight-store.js';

/** A stream of 32-bit numbers that depends on the seed and the weight's name alone (mulberry32). */
function numbersOf(seed: number, name: string): () => number {
  // FNV-1a over the name, started from the seed.
  let state = (0x811c9dc5 ^ seed) >>> 0;
  for (let index = 0; index < name.length; index++) {
    state = Math.imul(state ^ name.charCodeAt(index), 0x01000193) >>> 0;
  }
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** Uniform numbers of mean 0 and the given standard deviation. */
export function uniformWeights(seed: number, name: string, deviation: number): Fill {
  return (bytes) => {
    const next = numbersOf(seed, name);
    const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    // A uniform number in [-a, a] deviates by a/√3.
    const reach = deviation * Math.sqrt(3);
    for (let index = 0; index < values.length; index++)
      values[index] = (next() / 2 ** 31 - 1) * reach;
  };
}

export function constantWeights(value: number): Fill {
  return (bytes) => {
    new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4).fill(value);
  };
}

/** Random bytes: packed 4-bit numbers that are uniform in 0 … 15. */
export function randomBytes(seed: number, name: string): Fill {
  return (bytes) => {
    const next = numbersOf(seed, name);
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.byteLength / 4));
    for (let index = 0; index < words.length; index++) words[index] = next();
    for (let index = words.length * 4; index < bytes.length; index++) bytes[index] = next() & 255;
  };
}

/**
 * Scale of a block of uniform 4-bit numbers around 8 that gives weights of the wanted standard deviation.
 *
 * Sixteen equally likely steps deviate by √((16² − 1)/12) ≈ 4.61.
 */
export function fourBitScale(deviation: number): number {
  return deviation / Math.sqrt((16 ** 2 - 1) / 12);
}
