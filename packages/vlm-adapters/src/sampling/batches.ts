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
  /** Of the cache, for one token of one row. */
  readonly bytesPerToken: number;
  /** Batches that run at the same time. */
  readonly lanes: number;
}

/** A prompt with so many rows has batches of its own: they read one cache, and already share each weight. */
const ownBatch = 4;

/** Rows of a batch of several prompts, each of which holds its prompt's cache. */
const mixedRows = 8;

/**
 * Caches of prompts up to this size in a batch are copied for each row without a thought: a step of a small model
 * costs about the same for 8 rows and for 32.
 */
const smallCaches = 32 * 2 ** 20;

/**
 * Splits rows into batches. Those of one prompt stay together, unless their caches are small; prompts of few rows are
 * put together by length, so that little is padded. Sizes alone decide.
 */
export function planBatches(
  prompts: readonly PromptSize[],
  { maximumBatch, mixesPrompts, bytesPerToken, lanes }: BatchOptions,
): Batch[] {
  const rowsOf = (prompt: number): Batch =>
    Array.from({ length: prompts[prompt]?.rows ?? 0 }, (_, sample) => ({ prompt, sample }));
  const batches: Batch[] = [];
  const small: number[] = [];
  const few: number[] = [];
  for (const [prompt, { rows, tokens }] of prompts.entries()) {
    if (mixesPrompts && maximumBatch * tokens * bytesPerToken <= smallCaches) small.push(prompt);
    else if (mixesPrompts && rows < ownBatch) few.push(prompt);
    else batches.push(...inPieces(rowsOf(prompt), maximumBatch));
  }
  const rowsByLength = (mixed: readonly number[]): Batch =>
    [...mixed]
      .sort((a, b) => (prompts[a]?.tokens ?? 0) - (prompts[b]?.tokens ?? 0) || a - b)
      .flatMap(rowsOf);
  const rows = rowsByLength(small);
  const fair = Math.max(mixedRows, Math.ceil(rows.length / lanes));
  batches.push(...inPieces(rows, Math.min(fair, maximumBatch)));
  batches.push(...inPieces(rowsByLength(few), Math.min(mixedRows, maximumBatch)));
  return batches;
}

function inPieces(rows: Batch, size: number): Batch[] {
  const pieces: Batch[] = [];
  for (let start = 0; start < rows.length; start += size)
    pieces.push(rows.slice(start, start + size));
  return pieces;
}
