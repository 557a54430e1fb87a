import type { FloatArray } from '../model.js';
import { type Baseline, fillRows } from './baseline.js';

/** Every row becomes the mean of its own block's rows: what is left is which block a token is in. */
export const blockMean: Baseline = {
  name: 'blockMean',
  fill: (context, baseline) => {
    const groups = groupByBlock(context.input.blocks, context.rows);
    for (const rows of groups.values()) {
      fillRows(
        { ...context, rows },
        baseline,
        meanRow(context.embeddings, rows, context.hiddenSize),
      );
    }
  },
};

/** Every row becomes the mean of the rows of its modality in this prompt: for pictures, the mean image token. */
export const imageMean: Baseline = {
  name: 'imageMean',
  fill: (context, baseline) => {
    if (context.rows.length === 0) return;
    fillRows(context, baseline, meanRow(context.embeddings, context.rows, context.hiddenSize));
  },
};

function groupByBlock(
  blocks: readonly (string | null)[],
  rows: readonly number[],
): Map<string | null, number[]> {
  const groups = new Map<string | null, number[]>();
  for (const row of rows) {
    const name = blocks[row] ?? null;
    const members = groups.get(name);
    if (members === undefined) groups.set(name, [row]);
    else members.push(row);
  }
  return groups;
}

/** `[H]`, summed in float64 whatever the type of the rows. */
function meanRow(
  embeddings: FloatArray,
  rows: readonly number[],
  hiddenSize: number,
): Float64Array {
  const mean = new Float64Array(hiddenSize);
  for (const row of rows) {
    for (let index = 0; index < hiddenSize; index++)
      mean[index]! += embeddings[row * hiddenSize + index]!;
  }
  return mean.map((sum) => sum / rows.length);
}
