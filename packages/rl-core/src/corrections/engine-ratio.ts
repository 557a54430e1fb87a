import type { EngineCorrectionMode } from '../settings.js';

/** Parts of a mode: whether the ratio is the row's product, and whether it is set to 0 outside the bounds. */
interface EngineRatioRule {
  readonly perSequence: boolean;
  readonly masks: boolean;
}

/** TRL's four modes of `vllm_importance_sampling_mode`. */
export const engineRatioRules: Readonly<Record<EngineCorrectionMode, EngineRatioRule>> = {
  token_truncate: { perSequence: false, masks: false },
  token_mask: { perSequence: false, masks: true },
  sequence_truncate: { perSequence: true, masks: false },
  sequence_mask: { perSequence: true, masks: true },
};

/**
 * π_old/π_sampler of one row, detached.
 *
 *   token: exp((o − s)·m)          sequence: exp(Σ_t (o − s)·m), a sum, so it grows with length
 *
 * @param sampler s; NaN where the engine gave none, which counts as no difference.
 * @param out Receives the ratio, one number a position (the same ones for a sequence mode).
 */
export function engineRatio(
  oldLogprobs: Float64Array,
  sampler: Float64Array,
  mask: Float64Array,
  length: number,
  options: { rule: EngineRatioRule; clipMin: number; clipMax: number; out: Float64Array },
): void {
  const { rule, clipMin, clipMax, out } = options;
  const bounded = (ratio: number): number =>
    rule.masks
      ? ratio < clipMin || ratio > clipMax
        ? 0
        : ratio
      : Math.min(Math.max(ratio, clipMin), clipMax);
  let sum = 0;
  for (let t = 0; t < length; t += 1) {
    const difference = mask[t] === 0 ? 0 : oldLogprobs[t]! - sampler[t]!;
    out[t] = Number.isNaN(difference) ? 0 : difference;
    sum += out[t]!;
  }
  const sequenceRatio = bounded(Math.exp(sum));
  for (let t = 0; t < length; t += 1) {
    out[t] = rule.perSequence ? sequenceRatio : bounded(Math.exp(out[t]!));
  }
}
