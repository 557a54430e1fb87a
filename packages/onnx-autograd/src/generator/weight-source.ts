import { OnnxAutogradError } from '../errors.js';

/**
 * Gives weights by name, a piece at a time, so that no one needs to hold a model.
 *
 * Names and layouts are those of Hugging Face checkpoints: a linear layer's weight is `[out, in]`.
 *
 * @param start Flat position of the first wanted element; `into` is to be filled from there on.
 */
export type WeightSource = (
  name: string,
  dims: readonly number[],
  start: number,
  into: Float32Array,
) => void;

/**
 * Random weights that depend on the seed, the name and the position alone.
 *
 * Matrices are uniform with mean 0 and deviation 1/√in, which keeps activations and logits near a deviation
 * of 1; biases are small; norm weights lie around 1, as after training.
 *
 * Element i is mulberry32 at counter i, started from a hash of seed and name: any piece can be made alone.
 */
export function seededWeights(seed: number): WeightSource {
  return (name, dims, start, into) => {
    const { mean, deviation } = distributionOf(name, dims);
    // A uniform number in [-a, a] deviates by a/√3.
    const step = (deviation * Math.sqrt(3)) / 2 ** 31;
    const offset = mean - deviation * Math.sqrt(3);
    let state = (hash(seed, name) + Math.imul(start, increment)) | 0;
    for (let index = 0; index < into.length; index++) {
      state = (state + increment) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      into[index] = ((mixed ^ (mixed >>> 14)) >>> 0) * step + offset;
    }
  };
}

/** Weights that are in memory, such as trained ones. */
export function weightsInMemory(weights: ReadonlyMap<string, Float32Array>): WeightSource {
  return (name, dims, start, into) => {
    const values = weights.get(name);
    const count = dims.reduce((product, size) => product * size, 1);
    if (values?.length !== count) {
      throw new OnnxAutogradError(
        'invalid-argument',
        `Weight "${name}" must have ${count} elements ([${dims.join(', ')}]), got ${values === undefined ? 'none' : values.length}.`,
      );
    }
    into.set(values.subarray(start, start + into.length));
  };
}

/** Step of mulberry32's counter: odd, so that it runs through all 2³² states. */
const increment = 0x6d2b79f5;

function distributionOf(
  name: string,
  dims: readonly number[],
): { mean: number; deviation: number } {
  const inFeatures = dims.slice(1).reduce((product, size) => product * size, 1);
  if (dims.length > 1) return { mean: 0, deviation: 1 / Math.sqrt(inFeatures) };
  return name.endsWith('.bias') ? { mean: 0, deviation: 0.02 } : { mean: 1, deviation: 0.1 };
}

/** FNV-1a over the seed's bytes and the name. */
function hash(seed: number, name: string): number {
  let state = 0x811c9dc5;
  const mix = (value: number): void => {
    state = Math.imul(state ^ value, 0x01000193);
  };
  for (let shift = 0; shift < 32; shift += 8) mix((seed >>> shift) & 255);
  for (let index = 0; index < name.length; index++) mix(name.charCodeAt(index));
  // Names that differ in their last letter would start near each other on the counter.
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return state ^ (state >>> 16);
}
