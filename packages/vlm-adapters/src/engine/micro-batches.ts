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
 * @param lanes Batches that run at the same time: where there are too few, larger ones are divided.
 * @returns Lists of row numbers, longest first.
 * @throws {VlmError} `memory` if a single row does not fit.
 */
export function microBatches(
  rows: readonly RowSize[],
  budget: number,
  bytes: (row: RowSize) => number,
  lanes = 1,
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
        `Sequence ${index} with ${row.length} tokens needs about ${mebibytes(alone)} MiB and \`memoryBudget\` is ${mebibytes(budget)} MiB${lanes === 1 ? '' : ` for each of ${lanes} workers`}: give a larger budget, or shorten the sequence.`,
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
  return dividedAmong(lanes, batches, (index) => rows[index]?.length ?? 0);
}

/** Parts of fewer tokens are not worth a run of their own: a run of a small decoder costs as much as 100 tokens. */
const leastTokens = 256;

/** Divides the batches of most work until every wave of `lanes` batches is full, or the parts would be too small. */
function dividedAmong(
  lanes: number,
  batches: readonly number[][],
  lengthOf: (index: number) => number,
): number[][] {
  const parts = batches.map((batch) => {
    const tokens = batch.reduce((sum, index) => sum + lengthOf(index), 0);
    return { batch, tokens, count: 1 };
  });
  const missing = (lanes - (batches.length % lanes)) % lanes;
  for (let i = 0; i < missing; i++) {
    const [largest] = parts
      .filter(
        ({ batch, tokens, count }) => count < batch.length && tokens / (count + 1) >= leastTokens,
      )
      .sort((a, b) => b.tokens / b.count - a.tokens / a.count);
    if (largest !== undefined) largest.count++;
  }
  return parts.flatMap(({ batch, tokens, count }) => fairParts(batch, lengthOf, tokens, count));
}

/** Parts of about equal work, padding included; the rows come longest first. */
function fairParts(
  batch: readonly number[],
  lengthOf: (index: number) => number,
  tokens: number,
  count: number,
): number[][] {
  const [longest] = batch;
  if (count === 1 || longest === undefined) return [[...batch]];
  const fair = Math.round(tokens / count / lengthOf(longest));
  const cut = Math.min(Math.max(1, fair), batch.length - count + 1);
  const first = batch.slice(0, cut);
  const rest = tokens - first.reduce((sum, index) => sum + lengthOf(index), 0);
  return [first, ...fairParts(batch.slice(cut), lengthOf, rest, count - 1)];
}

const mebibytes = (bytes: number): number => Math.ceil(bytes / 2 ** 20);
