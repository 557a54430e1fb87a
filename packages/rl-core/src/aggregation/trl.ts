import { RlError } from '../errors.js';
import type { Aggregation, AggregationBatch } from './types.js';

const accumulation = (batch: AggregationBatch): number => batch.accumulationSteps;
const globalTokens = (batch: AggregationBatch): number =>
  Math.max(batch.itemsInBatch, 1) / batch.processes;

/** Mean over rows of the mean over tokens: a long answer weighs as much as a short one. */
export const grpo: Aggregation = {
  name: 'grpo',
  weight: (tokens, _length, batch) =>
    1 / (batch.rows * Math.max(tokens, 1) * batch.accumulationSteps),
  includesMaskedPositions: false,
  normalizer: accumulation,
  normalizerIsAccumulation: true,
  source: '(1/B) Σ_i [Σ_t L m / max(Σ_t m, 1)] / GA; DeepSeekMath (2402.03300), TRL',
};

/** Mean over the tokens of the rows given. */
export const bnpo: Aggregation = {
  name: 'bnpo',
  weight: (_tokens, _length, batch) => 1 / (Math.max(batch.tokens, 1) * batch.accumulationSteps),
  includesMaskedPositions: false,
  normalizer: accumulation,
  normalizerIsAccumulation: true,
  source: 'Σ L m / max(Σ m, 1) / GA; TRL',
};

/** A constant divisor, so that length has no influence on a token's weight. */
export const drGrpo: Aggregation = {
  name: 'dr_grpo',
  weight: (_tokens, _length, batch) => {
    if (batch.maxCompletionLength === null) {
      throw new RlError(
        'missing-input',
        'Aggregation "dr_grpo" divides by `maxCompletionLength`, which was not given. Pass the longest completion that sampling allows.',
      );
    }
    return 1 / (batch.rows * batch.maxCompletionLength * batch.accumulationSteps);
  },
  includesMaskedPositions: false,
  normalizer: accumulation,
  normalizerIsAccumulation: true,
  source: 'Σ L m / (B · max_completion_length) / GA; Dr. GRPO (2503.20783), TRL',
};

/** Mean over the tokens of the whole generation batch. */
export const dapo: Aggregation = {
  name: 'dapo',
  weight: (_tokens, _length, batch) => 1 / globalTokens(batch),
  includesMaskedPositions: false,
  normalizer: globalTokens,
  normalizerIsAccumulation: false,
  source: 'Σ L m / (max(N, 1) / P); DAPO (2503.14476), TRL',
};

/**
 * Mean over all positions of L times the row's token count. With a loss that is constant over a row this is
 * LUSPO's (1/B) Σ_i |y_i| L_i; with one that varies (token-level ratios, or a KL term) padding and tool tokens
 * count too, as in TRL 1.10. `seq-mean-token-sum` is the masked form (TRL ≥ 1.16).
 */
export const luspo: Aggregation = {
  name: 'luspo',
  weight: (tokens, length, batch) => tokens / (batch.rows * length * batch.accumulationSteps),
  includesMaskedPositions: true,
  normalizer: accumulation,
  normalizerIsAccumulation: true,
  source: 'mean_it(L_it Σ_t m_it) / GA; LUSPO (2602.05261), TRL 1.10',
};
