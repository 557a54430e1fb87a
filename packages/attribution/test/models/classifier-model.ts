import type { DifferentiableModel } from '../../src/model.js';
import * as tape from './tape.js';

export interface ClassifierWeights {
  readonly Wq: number[][];
  readonly Wk: number[][];
  readonly Wv: number[][];
  readonly W1: number[][];
  readonly b1: number[];
  readonly W2: number[][];
  readonly b2: number[];
}

/** Case A of the reference: attention, mean over tokens, one hidden layer; the completion is one class. */
export function classifierModel(
  weights: ClassifierWeights,
  activation: 'tanh' | 'relu',
): DifferentiableModel<number[][]> {
  const act =
    activation === 'tanh'
      ? (a: tape.Matrix) => tape.map(a, Math.tanh, (x) => 1 - Math.tanh(x) ** 2)
      : (a: tape.Matrix) =>
          tape.map(
            a,
            (x) => Math.max(0, x),
            (x) => (x > 0 ? 1 : 0),
          );
  const forward = (x: tape.Matrix): tape.Matrix => {
    const [q, k, v] = [weights.Wq, weights.Wk, weights.Wv].map((w) =>
      tape.multiply(x, tape.fromRows(w)),
    ) as [tape.Matrix, tape.Matrix, tape.Matrix];
    const scale = 1 / Math.sqrt(x.columns);
    const attention = tape.softmax(
      tape.map(
        tape.multiply(q, tape.transpose(k)),
        (s) => s * scale,
        () => scale,
      ),
    );
    const mixed = tape.meanOfRows(tape.add(x, tape.multiply(attention, v)));
    const hidden = act(
      tape.add(tape.multiply(mixed, tape.fromRows(weights.W1)), tape.fromRows([weights.b1])),
    );
    return tape.logSoftmax(
      tape.add(tape.multiply(hidden, tape.fromRows(weights.W2)), tape.fromRows([weights.b2])),
    );
  };
  return {
    id: `classifier ${activation}`,
    embed: (prompt) => ({
      embeddings: Float64Array.from(prompt.flat()),
      tokens: prompt.length,
      hiddenSize: prompt[0]?.length ?? 0,
    }),
    embeddingLogprobs: ({ count, completion, tokens, hiddenSize, embeddings }) => {
      const size = tokens * hiddenSize;
      return Float64Array.from({ length: count }, (_, index) => {
        const x = tape.matrix(
          tokens,
          hiddenSize,
          embeddings.subarray(index * size, (index + 1) * size),
        );
        return forward(x).data[completion[0] ?? 0]!;
      });
    },
    gradients: ({ count, completion, tokens, hiddenSize, embeddings, weights: cotangents }) => {
      const size = tokens * hiddenSize;
      const logprobs = new Float64Array(count);
      const gradients = new Float64Array(count * size);
      for (let index = 0; index < count; index++) {
        const x = tape.matrix(
          tokens,
          hiddenSize,
          embeddings.subarray(index * size, (index + 1) * size),
        );
        const output = forward(x);
        const target = completion[0] ?? 0;
        logprobs[index] = output.data[target]!;
        output.gradient[target] = cotangents[index]!;
        tape.runBackward(output);
        gradients.set(x.gradient, index * size);
      }
      return { logprobs, gradients };
    },
  };
}
