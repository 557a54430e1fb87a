import { AttributionError } from '../errors.js';
import type { FloatArray } from '../model.js';
import { readTargetRows } from './attention-rows.js';
import type { AttributionMethod, MethodContext } from './method.js';

/**
 * Value zeroing: how far a position's hidden state turns, 1 − cos, when another position's value vectors are zero in
 * one layer. Does not look at the target. `layer: 'mean'` (default) averages over all layers.
 *
 * @see Mohebbi et al., "Quantifying Context Mixing in Transformers", EACL 2023, https://arxiv.org/abs/2301.12971
 */
export const valueZeroing: AttributionMethod = {
  name: 'valueZeroing',
  family: 'attention',
  needs: ['layerOutputs'],
  usesBaseline: false,
  completeness: 'none',
  defaults: { layer: 'mean' },
  cost: ({ layers, positions }, { layer = 'mean' }) => ({
    forwards: (layer === 'mean' ? layers : 1) * (positions + 1),
    backwards: 0,
  }),
  attribute: async (context) => {
    const { settings, model, tokens, tokenWeights } = context;
    const count = model.layerCount ?? 0;
    const { layer = 'mean' } = settings;
    if (layer !== 'mean' && !(Number.isInteger(layer) && layer >= 0 && layer < count)) {
      throw new AttributionError(
        'bad-option',
        `\`layer\` must be "mean" or 0 … ${count - 1}, got ${layer}.`,
      );
    }
    const layers = layer === 'mean' ? Array.from({ length: count }, (_, index) => index) : [layer];
    const positions = tokens + tokenWeights.length - 1;
    const mean = new Float64Array(positions * positions);
    for (const index of layers) {
      const matrix = await valueZeroingMatrix(context, index, positions);
      for (let at = 0; at < mean.length; at++) mean[at]! += matrix[at]! / layers.length;
    }
    return readTargetRows(mean, positions, tokens, tokenWeights);
  },
};

/** `[S, S]`: entry (i, j) is how far position i turns without the values of position j. */
export async function valueZeroingMatrix(
  { layerOutputs }: Pick<MethodContext, 'layerOutputs'>,
  layer: number,
  positions: number,
): Promise<Float64Array> {
  const plain = await layerOutputs(layer, null);
  const width = plain.length / positions;
  const matrix = new Float64Array(positions * positions);
  for (let zeroed = 0; zeroed < positions; zeroed++) {
    const changed = await layerOutputs(layer, zeroed);
    for (let row = 0; row < positions; row++) {
      matrix[row * positions + zeroed] = 1 - cosine(plain, changed, row * width, width);
    }
  }
  return matrix;
}

function cosine(a: FloatArray, b: FloatArray, start: number, width: number): number {
  let dot = 0;
  let squareA = 0;
  let squareB = 0;
  for (let at = start; at < start + width; at++) {
    dot += a[at]! * b[at]!;
    squareA += a[at]! * a[at]!;
    squareB += b[at]! * b[at]!;
  }
  // A state of zeros has no direction; it has turned away completely.
  return squareA === 0 || squareB === 0 ? 0 : dot / Math.sqrt(squareA * squareB);
}
