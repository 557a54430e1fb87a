import { bnpo, dapo, drGrpo, grpo, luspo } from './trl.js';
import type { Aggregation } from './types.js';
import {
  seqMeanTokenMean,
  seqMeanTokenSum,
  seqMeanTokenSumNorm,
  tokenMean,
  tokenSum,
} from './verl.js';

export type { Aggregation, AggregationBatch } from './types.js';

export type AggregationName =
  | 'grpo'
  | 'bnpo'
  | 'dr_grpo'
  | 'dapo'
  | 'luspo'
  | 'token-mean'
  | 'token-sum'
  | 'seq-mean-token-sum'
  | 'seq-mean-token-mean'
  | 'seq-mean-token-sum-norm';

/** Every way to make one number of per-token losses: TRL's five, then verl's five. */
export const aggregations: Readonly<Record<AggregationName, Aggregation>> = {
  grpo,
  bnpo,
  dr_grpo: drGrpo,
  dapo,
  luspo,
  'token-mean': tokenMean,
  'token-sum': tokenSum,
  'seq-mean-token-sum': seqMeanTokenSum,
  'seq-mean-token-mean': seqMeanTokenMean,
  'seq-mean-token-sum-norm': seqMeanTokenSumNorm,
};
