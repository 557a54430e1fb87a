import { AttributionError } from '../errors.js';
import type { AttentionOutput } from '../model.js';
import type { MethodScores } from './method.js';

/** Mean over the heads of a layer's `[A, S, S]` array: `[S, S]`. */
export function meanOverHeads(
  { heads, positions }: Pick<AttentionOutput, 'heads' | 'positions'>,
  read: (index: number) => number,
): Float64Array {
  const size = positions * positions;
  const mean = new Float64Array(size);
  for (let head = 0; head < heads; head++) {
    for (let at = 0; at < size; at++) mean[at]! += read(head * size + at) / heads;
  }
  return mean;
}

/** Row-major product of two `[S, S]` matrices. */
export function multiply(left: Float64Array, right: Float64Array, positions: number): Float64Array {
  const product = new Float64Array(positions * positions);
  for (let row = 0; row < positions; row++) {
    for (let inner = 0; inner < positions; inner++) {
      const factor = left[row * positions + inner]!;
      if (factor === 0) continue;
      for (let column = 0; column < positions; column++) {
        product[row * positions + column]! += factor * right[inner * positions + column]!;
      }
    }
  }
  return product;
}

/**
 * Reads the rows that predict the completion's tokens (row P − 1 + t predicts token t), prompt columns only.
 * A token's score is the mean of the rows, weighted by the target's token weights.
 */
export function readTargetRows(
  matrix: Float64Array,
  positions: number,
  tokens: number,
  weights: Float64Array,
): MethodScores {
  const expected = tokens + weights.length - 1;
  if (positions !== expected) {
    throw new AttributionError(
      'model-output',
      `Attention covers ${positions} positions; prompt and completion have ${tokens} + ${weights.length} − 1 = ${expected}.`,
    );
  }
  const perTarget = Array.from(weights, (_, target) => {
    const start = (tokens - 1 + target) * positions;
    return matrix.slice(start, start + tokens);
  });
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) {
    throw new AttributionError(
      'bad-option',
      'Attention methods average over `tokenWeights`, which sum to 0.',
    );
  }
  const scores = new Float64Array(tokens);
  for (const [target, row] of perTarget.entries()) {
    for (let token = 0; token < tokens; token++)
      scores[token]! += (weights[target]! / total) * row[token]!;
  }
  return { level: 'tokens', scores, perTarget };
}
