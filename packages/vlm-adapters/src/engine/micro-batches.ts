import { VlmError } from '../errors.js';

/** Sizes that decide how much memory a forward and backward pass takes. */
export interface ModelSize {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  /** Width of the feed-forward layers. */
  readonly intermediate: number;
  readonly vocabulary: number;
}

export interface RowSize {
  /** Tokens of the sequence. */
  readonly length: number;
  /** Tokens whose logits are needed. */
  readonly scored: number;
}

/**
 * Bytes that one row keeps until the backward pass: activations of every layer, attention scores and
 * probabilities, and three times the logits.
 *
 * Fitted to what was measured for an 8-layer decoder of width 512 at 1,024 tokens: 700 MiB without checkpoints.
 */
export function gradientBytes(
  model: ModelSize,
  { length, scored }: RowSize,
  checkpoints: boolean,
): number {
  const activations = 4 * length * (8 * model.hidden + 3 * model.intermediate);
  const attention = 12 * model.heads * length * length;
  const logits = 12 * scored * model.vocabulary;
  if (!checkpoints) return model.layers * (activations + attention) + logits;
  // One layer's working set, going forward again and back, and one state a layer.
  return 3 * (activations + attention) + 4 * model.layers * length * model.hidden + logits;
}

/** Bytes of a row without a backward pass: one layer at a time. */
export function forwardBytes(model: ModelSize, { length, scored }: RowSize): number {
  const activations = 4 * length * (8 * model.hidden + 3 * model.intermediate);
  return activations + 12 * model.heads * length * length + 12 * scored * model.vocabulary;
}

/**
 * Splits rows into batches that fit a budget. Rows of like length go together, so that little is padded;
 * which they are depends on the lengths alone.
 *
 * @param bytes Memory of one row, padded to the given length.
 * @returns Lists of row numbers, longest first.
 * @throws {VlmError} `memory` if a single row does not fit.
 */
export function microBatches(
  rows: readonly RowSize[],
  budget: number,
  bytes: (row: RowSize) => number,
): number[][] {
  const order = rows.map((_, index) => index);
  order.sort((a, b) => (rows[b]?.length ?? 0) - (rows[a]?.length ?? 0) || a - b);
  const batches: number[][] = [];
  let used = 0;
  let longest = 0;
  for (const index of order) {
    const row = rows[index] ?? { length: 0, scored: 0 };
    const alone = bytes(row);
    if (alone > budget) {
      throw new VlmError(
        'memory',
        `Sequence ${index} with ${row.length} tokens needs about ${mebibytes(alone)} MiB and \`memoryBudget\` is ${mebibytes(budget)} MiB: give a larger budget, or shorten the sequence.`,
      );
    }
    const last = batches.at(-1);
    const padded = last === undefined ? 0 : bytes({ length: longest, scored: row.scored });
    if (last !== undefined && used + padded <= budget) {
      last.push(index);
      used += padded;
      continue;
    }
    batches.push([index]);
    used = alone;
    longest = row.length;
  }
  return batches;
}

const mebibytes = (bytes: number): number => Math.ceil(bytes / 2 ** 20);
