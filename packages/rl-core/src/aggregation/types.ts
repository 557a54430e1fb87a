/** What an aggregation may know about the batch. `B` rows; counts are of tokens under the loss mask. */
export interface AggregationBatch {
  /** B, fully masked rows included. */
  readonly rows: number;
  /** Rows with at least one token under the mask. */
  readonly activeRows: number;
  /** Σ m over the rows given. */
  readonly tokens: number;
  /** Longest row, T. */
  readonly width: number;
  /** N: Σ m over the whole generation batch and all processes. */
  readonly itemsInBatch: number;
  /** P: data-parallel processes whose gradients are averaged afterwards. */
  readonly processes: number;
  /** Micro-batches per optimizer step; 1 in evaluation. */
  readonly accumulationSteps: number;
  /** Rows of the whole mini-batch over all processes, or null for the rows given (verl: global_batch_size). */
  readonly globalRows: number | null;
  /** Constant length of `seq-mean-token-sum-norm`, or null for `width` (verl: loss_scale_factor). */
  readonly lossScaleFactor: number | null;
  /** Longest completion that sampling allows (Dr. GRPO's constant), or null if it was not given. */
  readonly maxCompletionLength: number | null;
}

/** How per-token losses become one number: loss = Σ_it weight(i)·L_it over the tokens under the mask. */
export interface Aggregation {
  readonly name: string;
  /** Weight of every token of a row with `tokens` under the mask and `length` positions. */
  readonly weight: (tokens: number, length: number, batch: AggregationBatch) => number;
  /** True when positions outside the mask count as well. Only TRL's `luspo`. */
  readonly includesMaskedPositions: boolean;
  /** The divisor that TRL reports as `normalizer`. */
  readonly normalizer: (batch: AggregationBatch) => number;
  /** True when `normalizer` is only the accumulation steps, so that policy_loss = loss × normalizer. */
  readonly normalizerIsAccumulation: boolean;
  /** Formula and source. */
  readonly source: string;
}
