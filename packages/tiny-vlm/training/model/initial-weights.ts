import type { WeightSource } from '@iapo/onnx-autograd/generator';
import { seededRandom, splitSeed } from '@iapo/rl-core';

/**
 * Weights to start from: norms 1, biases 0, matrices normal with deviation 1/√in; those that end a residual
 * branch are smaller by √(2·layers), as in GPT-2, so that the stream does not grow with depth. A function of
 * seed and name, given as a whole only.
 */
export function initialWeights(seed: number, layers: number): WeightSource {
  return (name, dims, start, into) => {
    if (start !== 0) throw new RangeError('Ask for a weight as a whole.');
    if (name.endsWith('.bias')) return void into.fill(0);
    if (dims.length === 1) return void into.fill(1);
    const random = seededRandom(splitSeed(seed, 'weight', name));
    const isEnd = /(?:o_proj|down_proj|attn\.proj)\.weight$/.test(name);
    const inFeatures = dims.slice(1).reduce((product, size) => product * size, 1);
    const deviation = 1 / Math.sqrt(inFeatures * (isEnd ? 2 * layers : 1));
    for (let index = 0; index < into.length; index += 2) {
      // Box and Muller's transform of two uniform numbers; 1 − u is never 0.
      const radius = deviation * Math.sqrt(-2 * Math.log(1 - random.uniform()));
      const angle = 2 * Math.PI * random.uniform();
      into[index] = radius * Math.cos(angle);
      if (index + 1 < into.length) into[index + 1] = radius * Math.sin(angle);
    }
  };
}
