import type { PolicyLossBatch, PreparedBatch } from '../policy-loss-input.js';
import { rowAt } from '../rows.js';

/** State of the adaptive entropy coefficient; save it with the checkpoint. */
export interface AdaptiveEntropyState {
  readonly coefficient: number;
  /** Mean entropy of the last optimizer step, or null before the first. */
  readonly lastEntropy: number | null;
}

/** Settings of the controller; defaults are TRL's. */
export interface AdaptiveEntropySettings {
  /** Entropy in nats that the policy should keep. Default 0.2. */
  readonly target: number;
  /** Change per step. Default 0.005. */
  readonly delta: number;
  /** Bounds. Defaults 0 and 1. */
  readonly min: number;
  readonly max: number;
}

export const defaultAdaptiveEntropy: AdaptiveEntropySettings = {
  target: 0.2,
  delta: 0.005,
  min: 0,
  max: 1,
};

/** The coefficient to apply in this step: 0 in the first one, and while the last step's entropy was above the target (TRL). */
export function appliedEntropyCoefficient(
  state: AdaptiveEntropyState,
  settings: AdaptiveEntropySettings,
): number {
  const isLow = state.lastEntropy !== null && state.lastEntropy <= settings.target;
  return isLow ? state.coefficient : 0;
}

/** The state after a step of the given mean entropy: up by `delta` at or below the target, down above it. */
export function updateAdaptiveEntropy(
  state: AdaptiveEntropyState,
  entropy: number,
  settings: AdaptiveEntropySettings,
): AdaptiveEntropyState {
  const step = entropy <= settings.target ? settings.delta : -settings.delta;
  return {
    coefficient: Math.min(Math.max(state.coefficient + step, settings.min), settings.max),
    lastEntropy: entropy,
  };
}

/**
 * The entropy bonus c·H and its derivative with respect to every token's entropy.
 *
 *   H = Σ entropy·m·e / max(Σ m·e, 1) / GA          e the entropy mask
 *   H = Σ entropy·m·e / normalizer                  for aggregations whose normalizer counts tokens (TRL's dapo family)
 *
 * It has no derivative with respect to the sampled token's log-probability.
 *
 * @param threshold Entropy from which e is 1, or null without the mask.
 * @returns The number to subtract from the loss and ∂loss/∂entropy, `[B][T]`; null without a bonus.
 */
export function entropyBonus(
  batch: PolicyLossBatch,
  prepared: PreparedBatch,
  threshold: number | null,
): { value: number; cotangents: readonly Float64Array[] } | null {
  const { settings, aggregation, aggregationBatch, masked } = prepared;
  const { entropies } = batch;
  if (settings.entropyCoef === 0 || !entropies) return null;
  const cutoff = threshold ?? Number.NEGATIVE_INFINITY;
  let sum = 0;
  let count = 0;
  masked.positions.forEach((list, i) => {
    const row = rowAt(entropies, i);
    for (const t of list) {
      if (row[t]! < cutoff) continue;
      sum += row[t]!;
      count += 1;
    }
  });
  const divisor = aggregation.normalizerIsAccumulation
    ? Math.max(count, 1) * aggregationBatch.accumulationSteps
    : Math.max(aggregationBatch.itemsInBatch, 1) / aggregationBatch.processes;
  const cotangents = batch.logprobs.map((row, i) => {
    const cotangent = new Float64Array(row.length);
    const entropy = rowAt(entropies, i);
    for (const t of masked.positions[i]!) {
      if (entropy[t]! >= cutoff) cotangent[t] = -settings.entropyCoef / divisor;
    }
    return cotangent;
  });
  return { value: (settings.entropyCoef * sum) / divisor, cotangents };
}
