import type { DifferentiableModel, GradientBatch } from '@iapo/attribution';

/**
 * A model that tends to repeat what it reads. `x` are the prompt's rows `[P, H]`, `E` the table `[V, H]`:
 *
 *   a = softmax(x q),   z = s · Σ_i a_i x_i,   log p(y) = E_y · z − logsumexp(E z)
 *
 * and with g = E_y − Σ_v p_v E_v:   ∂log p(y)/∂x_i = s · a_i · (g + ((x_i − z/s) · g) q)
 */
export function copyingModel(
  vocabulary: readonly string[],
  { hiddenSize = 24, sharpness = 60 } = {},
): DifferentiableModel<readonly string[]> & { idsOf(words: readonly string[]): number[] } {
  const table = vocabulary.map((word) => rowOf(word, hiddenSize));
  const query = rowOf('query', hiddenSize);
  const idsOf = (words: readonly string[]): number[] =>
    words.map((word) => vocabulary.indexOf(word));

  function gradients({ count, tokens, completion, embeddings, weights }: GradientBatch) {
    const logprobs = new Float64Array(count * completion.length);
    const slopes = new Float64Array(embeddings.length);
    for (let n = 0; n < count; n++) {
      const rows = Array.from({ length: tokens }, (_, i) => {
        const start = (n * tokens + i) * hiddenSize;
        return Array.from(embeddings.subarray(start, start + hiddenSize));
      });
      const attention = softmax(rows.map((row) => dot(row, query)));
      const mean = combine(rows, attention);
      const logits = table.map((row) => sharpness * dot(row, mean));
      const probabilities = softmax(logits);
      const expected = combine(table, probabilities);
      completion.forEach((id, t) => {
        const at = n * completion.length + t;
        logprobs[at] = Math.log(probabilities[id]!);
        const pull = table[id]!.map((value, h) => value - expected[h]!);
        rows.forEach((row, i) => {
          const lean = dot(row, pull) - dot(mean, pull);
          for (let h = 0; h < hiddenSize; h++) {
            slopes[(n * tokens + i) * hiddenSize + h]! +=
              weights[at]! * sharpness * attention[i]! * (pull[h]! + lean * query[h]!);
          }
        });
      });
    }
    return { logprobs, gradients: slopes };
  }

  return {
    id: 'copying model',
    idsOf,
    embed: (words) => ({
      embeddings: Float64Array.from(words.flatMap((word) => rowOf(word, hiddenSize))),
      tokens: words.length,
      hiddenSize,
    }),
    embeddingStatistics: () => ({
      mean: Float64Array.from(
        combine(
          table,
          table.map(() => 1 / table.length),
        ),
      ),
      medianNorm: 1,
    }),
    gradients,
  };
}

/** A fixed row of length 1 for a word: close to none of another word's. */
function rowOf(word: string, hiddenSize: number): number[] {
  let state = [...word].reduce((sum, character) => (sum * 31 + character.codePointAt(0)!) >>> 0, 7);
  const row = Array.from({ length: hiddenSize }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
  const norm = Math.sqrt(dot(row, row));
  return row.map((value) => value / norm);
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + value * b[index]!, 0);
}

function combine(rows: readonly (readonly number[])[], weights: readonly number[]): number[] {
  return rows[0]!.map((_, h) => rows.reduce((sum, row, i) => sum + weights[i]! * row[h]!, 0));
}

function softmax(logits: readonly number[]): number[] {
  const greatest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - greatest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}
