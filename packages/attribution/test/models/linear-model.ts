import type { DifferentiableModel } from '../../src/model.js';

/**
 * F = Σ_t log p_t with log p_t = (1/T) · (bias + Σ_ij c_ij x_ij): linear in the embeddings, so every method has a
 * closed form. The prompt is the embedding matrix itself, `[P][H]`.
 */
export function linearModel(
  coefficients: readonly number[][],
  bias = 0,
): DifferentiableModel<number[][]> {
  const flat = coefficients.flat();
  const score = (point: ArrayLike<number>): number =>
    flat.reduce((sum, coefficient, index) => sum + coefficient * point[index]!, bias);
  return {
    id: 'linear',
    embed: (prompt) => ({
      embeddings: Float64Array.from(prompt.flat()),
      tokens: prompt.length,
      hiddenSize: prompt[0]?.length ?? 0,
    }),
    gradients: ({ count, completion, embeddings, weights }) => {
      const width = completion.length;
      const logprobs = new Float64Array(count * width);
      const gradients = new Float64Array(count * flat.length);
      for (let index = 0; index < count; index++) {
        const value =
          score(embeddings.subarray(index * flat.length, (index + 1) * flat.length)) / width;
        logprobs.fill(value, index * width, (index + 1) * width);
        const total = weights
          .subarray(index * width, (index + 1) * width)
          .reduce((a, b) => a + b, 0);
        for (let at = 0; at < flat.length; at++) {
          gradients[index * flat.length + at] = (total / width) * flat[at]!;
        }
      }
      return { logprobs, gradients };
    },
  };
}
