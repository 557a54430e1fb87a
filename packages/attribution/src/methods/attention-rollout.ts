import type { AttentionOutput } from '../model.js';
import { meanOverHeads, multiply, readTargetRows } from './attention-rows.js';
import type { AttributionMethod } from './method.js';

/**
 * Attention rollout: R ← ((mean over heads of A) + I) / row sum · R through the layers, I standing for the residual
 * stream. Does not look at the target: the same for every call of the same length.
 *
 * @see Abnar, Zuidema, "Quantifying Attention Flow in Transformers", 2020, https://arxiv.org/abs/2005.00928
 */
export const attentionRollout: AttributionMethod = {
  name: 'attentionRollout',
  family: 'attention',
  needs: ['attention'],
  usesBaseline: false,
  completeness: 'none',
  defaults: {},
  cost: () => ({ forwards: 1, backwards: 0 }),
  attribute: async (context) => {
    const output = await context.attention({ gradients: false });
    const matrix = rolloutMatrix(output);
    return readTargetRows(matrix, output.positions, context.tokens, context.tokenWeights);
  },
};

/** `[S, S]`: row i says where position i's state comes from. */
export function rolloutMatrix(output: AttentionOutput): Float64Array {
  const { positions, layers } = output;
  let rollout = identity(positions);
  for (const layer of layers) {
    const step = meanOverHeads(output, (index) => layer[index]!);
    for (let row = 0; row < positions; row++) {
      step[row * positions + row]! += 1;
      let sum = 0;
      for (let column = 0; column < positions; column++) sum += step[row * positions + column]!;
      for (let column = 0; column < positions; column++) step[row * positions + column]! /= sum;
    }
    rollout = multiply(step, rollout, positions);
  }
  return rollout;
}

export function identity(positions: number): Float64Array {
  const matrix = new Float64Array(positions * positions);
  for (let row = 0; row < positions; row++) matrix[row * positions + row] = 1;
  return matrix;
}
