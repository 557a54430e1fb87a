import { sequenceDrift } from './corrections/off-policy-mask.js';
import type { LossRow } from './losses/types.js';
import type { PolicyLossBatch, PreparedBatch } from './policy-loss-input.js';
import type { RowWorkspace } from './row-workspace.js';

// verl's guards in the geometric mean of the engine ratio over a row.
const LOG_GUARD = 1e-10;
const COUNT_GUARD = 1e-8;

/** The factors μ that scale a row's policy term. They do not change its divisor. */
export class RowMultipliers {
  /** μ = off-policy mask × entropy mask × engine ratio, [T]. */
  readonly combined: Float64Array;
  /** The off-policy mask alone, [T]. */
  readonly offPolicy: Float64Array;
  /** False when every factor is 1, and `combined` is then not filled. */
  readonly isActive: boolean;
  readonly #prepared: PreparedBatch;
  readonly #hasSampler: boolean;

  constructor(batch: PolicyLossBatch, prepared: PreparedBatch) {
    const { loss, settings, masked } = prepared;
    this.combined = new Float64Array(masked.width).fill(1);
    this.offPolicy = new Float64Array(masked.width).fill(1);
    this.isActive =
      settings.offPolicyMaskThreshold !== null ||
      (settings.topEntropyQuantile < 1 && loss.entropyMask === 'multiply') ||
      (settings.engineCorrection !== null && loss.engineCorrection === 'multiply');
    this.#prepared = prepared;
    this.#hasSampler = Boolean(batch.samplingLogprobs);
  }

  /** Fills both arrays for the row just loaded. */
  load(row: LossRow, workspace: RowWorkspace): void {
    if (!this.isActive) return;
    const { loss, settings } = this.#prepared;
    this.combined.fill(1, 0, row.length);
    if (settings.offPolicyMaskThreshold !== null) {
      const sampler = this.#hasSampler ? workspace.samplingLogprobs : row.oldLogprobs;
      const drift = sequenceDrift(row.logprobs, sampler, row.mask, row.length);
      const isClose = drift <= settings.offPolicyMaskThreshold;
      for (let t = 0; t < row.length; t += 1) {
        this.offPolicy[t] = isClose || row.advantages[t]! >= 0 ? 1 : 0;
        this.combined[t] = this.offPolicy[t]!;
      }
    }
    if (row.entropyMask !== null && loss.entropyMask === 'multiply') {
      for (let t = 0; t < row.length; t += 1) {
        this.combined[t] = this.combined[t]! * row.entropyMask[t]!;
      }
    }
    if (row.engineRatio !== null && loss.engineCorrection === 'multiply') {
      const rowRatio = loss.gradient === 'row' ? geometricMean(row, row.engineRatio) : null;
      for (let t = 0; t < row.length; t += 1) {
        this.combined[t] = this.combined[t]! * (rowRatio ?? row.engineRatio[t]!);
      }
    }
  }
}

/** A loss with one number a row takes one ratio a row: the geometric mean over its tokens, as verl's `geo_mean`. */
function geometricMean(row: LossRow, ratio: Float64Array): number {
  let sum = 0;
  for (let t = 0; t < row.length; t += 1) {
    if (row.mask[t] !== 0) sum += Math.log(ratio[t]! + LOG_GUARD);
  }
  return Math.exp(sum / (row.tokens + COUNT_GUARD));
}
