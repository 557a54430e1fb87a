/** Rows that run together, as pairs of prompt and sample. */
export type Batch = readonly { readonly prompt: number; readonly sample: number }[];

export interface PromptSize {
  readonly tokens: number;
  /** Rows that go on from it. */
  readonly rows: number;
}

export interface BatchOptions {
  readonly maximumBatch: number;
  /** Whether the decoder takes rows of prompts of different lengths; see `SplitCache`. */
  readonly mixesPrompts: boolean;
}

/** A prompt with so many rows has batches of its own: they read one cache, and already share each weight. */
const ownBatch = 4;

/** Rows of a batch of several prompts, each of which holds its prompt's cache. */
const mixedRows = 8;

/**
 * Splits rows into batches. Those of one prompt stay together; prompts of few rows are put together by length, so
 * that little is padded. Sizes alone decide.
 */
export function planBatches(
  prompts: readonly PromptSize[],
  { maximumBatch, mixesPrompts }: BatchOptions,
): Batch[] {
  const rowsOf = (prompt: number): Batch =>
    Array.from({ length: prompts[prompt]?.rows ?? 0 }, (_, sample) => ({ prompt, sample }));
  const batches: Batch[] = [];
  const few: number[] = [];
  for (const [prompt, { rows }] of prompts.entries()) {
    if (mixesPrompts && rows < ownBatch) few.push(prompt);
    else batches.push(...inPieces(rowsOf(prompt), maximumBatch));
  }
  few.sort((a, b) => (prompts[a]?.tokens ?? 0) - (prompts[b]?.tokens ?? 0) || a - b);
  batches.push(...inPieces(few.flatMap(rowsOf), Math.min(mixedRows, maximumBatch)));
  return batches;
}

function inPieces(rows: Batch, size: number): Batch[] {
  const pieces: Batch[] = [];
  for (let start = 0; start < rows.length; start += size)
    pieces.push(rows.slice(start, start + size));
  return pieces;
}
