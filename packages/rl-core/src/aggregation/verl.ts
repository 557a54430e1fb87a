import type { Aggregation, AggregationBatch } from './types.js';

const one = (): number => 1;
/** Rows that verl divides by: fully masked rows leave the count unless the global one is given. */
const rowCount = (batch: AggregationBatch): number =>
  (batch.globalRows ?? Math.max(batch.activeRows, 1)) / batch.processes;

/** Mean over all tokens; N is the global count when given. */
export const tokenMean: Aggregation = {
  name: 'token-mean',
  weight: (_tokens, _length, batch) => batch.processes / Math.max(batch.itemsInBatch, 1),
  includesMaskedPositions: false,
  normalizer: one,
  normalizerIsAccumulation: false,
  source: 'Σ L m / N · P; verl `agg_loss`',
};

/** Plain sum. */
export const tokenSum: Aggregation = {
  name: 'token-sum',
  weight: one,
  includesMaskedPositions: false,
  normalizer: one,
  normalizerIsAccumulation: false,
  source: 'Σ L m; verl `agg_loss`',
};

/** Mean over rows of the sum over tokens. */
export const seqMeanTokenSum: Aggregation = {
  name: 'seq-mean-token-sum',
  weight: (_tokens, _length, batch) => 1 / rowCount(batch),
  includesMaskedPositions: false,
  normalizer: one,
  normalizerIsAccumulation: false,
  source: '(1/rows) Σ_i Σ_t L m; verl `agg_loss`',
};

/** Mean over rows of the mean over tokens. */
export const seqMeanTokenMean: Aggregation = {
  name: 'seq-mean-token-mean',
  // 1e-8 is verl's guard against empty rows; kept, because the reference numbers contain it.
  weight: (tokens, _length, batch) => 1 / ((tokens + 1e-8) * rowCount(batch)),
  includesMaskedPositions: false,
  normalizer: one,
  normalizerIsAccumulation: false,
  source: '(1/rows) Σ_i [Σ_t L m / (Σ_t m + 1e-8)]; verl `agg_loss`',
};

/** Sum over tokens divided by a constant length, mean over rows. */
export const seqMeanTokenSumNorm: Aggregation = {
  name: 'seq-mean-token-sum-norm',
  weight: (_tokens, _length, batch) =>
    1 / ((batch.lossScaleFactor ?? batch.width) * rowCount(batch)),
  includesMaskedPositions: false,
  normalizer: one,
  normalizerIsAccumulation: false,
  source: '(1/rows) Σ_i Σ_t L m / T; verl `agg_loss` since August 2026',
};
