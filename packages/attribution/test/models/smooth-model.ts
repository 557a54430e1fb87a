import type { DifferentiableModel } from '../../src/model.js';

/** A model of one function of all embeddings, given with its gradient; every completion token gets an equal share. */
export function smoothModel(
  value: (x: readonly number[]) => number,
  gradient: (x: readonly number[]) => readonly number[],
): DifferentiableModel<number[][]> {
  return {
    id: 'smooth',
    embed: (prompt) => ({
      embeddings: Float64Array.from(prompt.flat()),
      tokens: prompt.length,
      hiddenSize: prompt[0]?.length ?? 0,
    }),
    gradients: ({ count, completion, tokens, hiddenSize, embeddings, weights }) => {
      const size = tokens * hiddenSize;
      const width = completion.length;
      const logprobs = new Float64Array(count * width);
      const gradients = new Float64Array(count * size);
      for (let index = 0; index < count; index++) {
        const x = Array.from(embeddings.subarray(index * size, (index + 1) * size));
        logprobs.fill(value(x) / width, index * width, (index + 1) * width);
        const share =
          weights.subarray(index * width, (index + 1) * width).reduce((a, b) => a + b, 0) / width;
        for (const [at, slope] of gradient(x).entries())
          gradients[index * size + at] = share * slope;
      }
      return { logprobs, gradients };
    },
  };
}
