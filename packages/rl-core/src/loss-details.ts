import type { LossRow } from './losses/types.js';
import type { PolicyLossBatch, PreparedBatch } from './policy-loss-input.js';
import type { RowMultipliers } from './row-multipliers.js';

/** What a loss did with every token; only with `details: true`. A value that is one number a row has rows of length 1. */
export interface PolicyLossDetails {
  /** After masks, engine ratio and KL term, before aggregation. Positions outside the loss mask are computed too. */
  readonly perTokenLoss: readonly Float64Array[];
  /** w, capped at `delta` where the loss caps it. */
  readonly ratio: readonly Float64Array[];
  /** The KL term, null without `beta`. */
  readonly perTokenKl: readonly Float64Array[] | null;
  /** π_old/π_sampler, null without `engineCorrection`. */
  readonly engineRatio: readonly Float64Array[] | null;
  /** 1 where the off-policy mask keeps the row (or, with per-token advantages, the token); null without it. */
  readonly offPolicyMask: readonly Float64Array[] | null;
  /** 1 where the entropy mask keeps the token, null without it. */
  readonly entropyMask: readonly Float64Array[] | null;
  /** Entropy from which a token is kept, null without the mask. */
  readonly entropyThreshold: number | null;
}

/** Collects `PolicyLossDetails` row by row. */
export class DetailRows {
  readonly details: PolicyLossDetails;
  readonly #perTokenLoss: Float64Array[] = [];
  readonly #ratio: Float64Array[] = [];
  readonly #perTokenKl: Float64Array[] = [];
  readonly #engineRatio: Float64Array[] = [];
  readonly #offPolicyMask: Float64Array[] = [];
  readonly #entropyMask: Float64Array[] = [];
  readonly #ratioCap: number;
  readonly #ratioIsRow: boolean;
  readonly #lossIsRow: boolean;
  readonly #advantageIsRow: boolean;

  constructor(batch: PolicyLossBatch, prepared: PreparedBatch, threshold: number | null) {
    const { settings, loss, level } = prepared;
    const correction = settings.engineCorrection;
    this.#advantageIsRow = prepared.advantageOfRow !== null;
    this.#ratioCap = (loss.capsRatio ? settings.delta : null) ?? Number.POSITIVE_INFINITY;
    this.#ratioIsRow = level === 'sequence';
    const isRowTerm =
      loss.gradient === 'row' ||
      (this.#ratioIsRow && this.#advantageIsRow && loss.gradient === 'ratio');
    const hasTokenFactor =
      settings.beta !== 0 ||
      (threshold !== null && loss.entropyMask === 'multiply') ||
      (correction !== null && (correction.mode ?? 'sequence_mask').startsWith('token'));
    this.#lossIsRow = isRowTerm && !hasTokenFactor;
    this.details = {
      perTokenLoss: this.#perTokenLoss,
      ratio: this.#ratio,
      perTokenKl: settings.beta === 0 ? null : this.#perTokenKl,
      engineRatio: correction === null || !batch.samplingLogprobs ? null : this.#engineRatio,
      offPolicyMask: settings.offPolicyMaskThreshold === null ? null : this.#offPolicyMask,
      entropyMask: threshold === null ? null : this.#entropyMask,
      entropyThreshold: threshold,
    };
  }

  /** Adds the row just computed. */
  add(
    row: LossRow,
    multipliers: RowMultipliers,
    totals: { loss: Float64Array; kl: Float64Array },
  ): void {
    const take = (values: Float64Array, isRow: boolean): Float64Array =>
      values.slice(0, isRow ? Math.min(row.length, 1) : row.length);
    this.#perTokenLoss.push(take(totals.loss, this.#lossIsRow));
    this.#ratio.push(take(row.ratio, this.#ratioIsRow).map((w) => Math.min(w, this.#ratioCap)));
    this.#perTokenKl.push(take(totals.kl, false));
    this.#offPolicyMask.push(take(multipliers.offPolicy, this.#advantageIsRow));
    if (row.engineRatio !== null) {
      this.#engineRatio.push(take(row.engineRatio, row.engineRatioIsSequence));
    }
    if (row.entropyMask !== null) this.#entropyMask.push(take(row.entropyMask, false));
  }
}
