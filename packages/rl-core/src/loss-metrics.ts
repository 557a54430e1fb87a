import { addRowShare, meanShare } from './losses/clip-metrics.js';
import type { LossRow, Tally } from './losses/types.js';
import { isPrefix } from './masks.js';
import type { PolicyLossBatch, PreparedBatch } from './policy-loss-input.js';
import type { RowWorkspace } from './row-workspace.js';
import { rowAt } from './rows.js';

/** Sums what a batch's metrics need, row by row. */
export class LossMetrics {
  /** Mean k3 of PAPO's term, if it was used. */
  perceptionKl: number | null = null;
  readonly #tally: Tally = {};
  readonly #batch: PolicyLossBatch;
  readonly #prepared: PreparedBatch;
  #logRatioMin: number = Number.POSITIVE_INFINITY;
  #logRatioMax: number = Number.NEGATIVE_INFINITY;
  #driftSum = 0;
  #tokens = 0;

  constructor(batch: PolicyLossBatch, prepared: PreparedBatch) {
    this.#batch = batch;
    this.#prepared = prepared;
  }

  /** Adds one row; `kl` holds its KL estimates. */
  observe(row: LossRow, workspace: RowWorkspace, kl: Float64Array): void {
    const { loss, settings, level, advantageOfRow } = this.#prepared;
    loss.observe(row, settings, this.#tally, level === 'sequence' && advantageOfRow !== null);
    const { length, mask, logRatio } = row;
    let drift = 0;
    let klSum = 0;
    let least = this.#logRatioMin;
    let greatest = this.#logRatioMax;
    for (let t = 0; t < length; t += 1) {
      if (mask[t] === 0) continue;
      const d = logRatio[t]!;
      if (d < least) least = d;
      if (d > greatest) greatest = d;
      drift += d * d;
    }
    if (settings.beta !== 0) for (let t = 0; t < length; t += 1) klSum += mask[t]! * kl[t]!;
    this.#logRatioMin = least;
    this.#logRatioMax = greatest;
    this.#driftSum += 0.5 * drift * row.repeat;
    this.#tokens += row.tokens;
    if (settings.beta !== 0) addRowShare(this.#tally, 'reference-kl', klSum, row.tokens);
    if (this.#batch.entropies) this.#observeEntropy(row);
    if (row.engineRatio !== null) this.#observeEngine(row, row.engineRatio, workspace);
  }

  #observeEntropy(row: LossRow): void {
    const entropies = rowAt(this.#batch.entropies ?? [], row.index);
    const positions = this.#prepared.masked.positions[row.index]!;
    let sum = 0;
    if (isPrefix(positions)) for (let t = 0; t < positions.length; t += 1) sum += entropies[t]!;
    else for (const t of positions) sum += entropies[t]!;
    addRowShare(this.#tally, 'entropy', sum, row.tokens);
  }

  #observeEngine(row: LossRow, engineRatio: Float64Array, workspace: RowWorkspace): void {
    const { samplingLogprobs } = workspace;
    for (let t = 0; t < row.length; t += 1) {
      if (row.mask[t] === 0) continue;
      const difference = Math.abs(row.oldLogprobs[t]! - samplingLogprobs[t]!);
      if (!Number.isNaN(difference)) addRowShare(this.#tally, 'engine-difference', difference, 1);
      if (!row.engineRatioIsSequence) addRowShare(this.#tally, 'engine-ratio', engineRatio[t]!, 1);
    }
    if (row.engineRatioIsSequence && row.length > 0) {
      addRowShare(this.#tally, 'engine-ratio', engineRatio[0]!, 1);
    }
  }

  report(): Record<string, number | null> {
    const tally = this.#tally;
    const { loss, settings } = this.#prepared;
    const hasTokens = this.#tokens > 0;
    const metrics: Record<string, number | null> = {
      ...loss.metrics(tally),
      // Mean ½d² (k2) between the old policy and this one.
      approx_kl: hasTokens ? this.#driftSum / this.#tokens : null,
      'ratio/min': hasTokens ? Math.exp(this.#logRatioMin) : null,
      'ratio/max': hasTokens ? Math.exp(this.#logRatioMax) : null,
    };
    if (settings.beta !== 0) metrics.kl = meanShare(tally, 'reference-kl');
    if (this.#batch.entropies) metrics.entropy = meanShare(tally, 'entropy');
    if (this.perceptionKl !== null) metrics.kl_prcp = this.perceptionKl;
    if (settings.engineCorrection !== null) {
      const name = 'sampling/importance_sampling_ratio';
      metrics['sampling/sampling_logp_difference/mean'] = meanShare(tally, 'engine-difference');
      metrics['sampling/sampling_logp_difference/max'] = tally['engine-difference.max'] ?? null;
      metrics[`${name}/min`] = tally['engine-ratio.min'] ?? null;
      metrics[`${name}/mean`] = meanShare(tally, 'engine-ratio');
      metrics[`${name}/max`] = tally['engine-ratio.max'] ?? null;
    }
    return metrics;
  }
}
