import type { AggregationName } from '../aggregation/index.js';
import type { Rows } from '../rows.js';
import type { ImportanceSamplingLevel, PolicyLossSettings } from '../settings.js';

/**
 * One sequence as a loss sees it. The arrays are scratch space of at least `length` numbers, valid during the
 * call only. Legend: `T` positions, of which `tokens` lie under the loss mask.
 */
export interface LossRow {
  /** Row of the batch. */
  readonly index: number;
  /** Positions to compute, T. */
  readonly length: number;
  /** n = Σ_t m. */
  readonly tokens: number;
  /** Tokens that each computed position stands for: 1, or n when the whole row is one position. */
  readonly repeat: number;
  /** ℓ, [T]. */
  readonly logprobs: Float64Array;
  /** o, [T]. */
  readonly oldLogprobs: Float64Array;
  /** d: ℓ − o at token level, its masked mean (the same number T times) at sequence level, [T]. */
  readonly logRatio: Float64Array;
  /** w = exp(d), [T]; not filled for a loss that does not use it. */
  readonly ratio: Float64Array;
  /** A, [T]. */
  readonly advantages: Float64Array;
  /** True when the whole row has one advantage. */
  readonly advantageIsRow: boolean;
  /** m, 0 or 1, [T]. */
  readonly mask: Float64Array;
  /** π_old/π_sampler, [T], or null without correction. */
  readonly engineRatio: Float64Array | null;
  /** True when `engineRatio` is one number for the whole row. */
  readonly engineRatioIsSequence: boolean;
  /** 1 where the entropy mask keeps the token, [T], or null without it. */
  readonly entropyMask: Float64Array | null;
  /** 1 where `select` chose the token, [T]. Zeros without `select`. */
  readonly selected: Float64Array;
}

/** What a loss writes. */
export interface LossTerms {
  /** L, [T]. */
  readonly value: Float64Array;
  /** Its derivative, [T]; with respect to what, `LossType.gradient` says. */
  readonly derivative: Float64Array;
}

/** Sums for the metrics of a batch, by name. */
export type Tally = Record<string, number>;

/** What a loss may read to choose tokens before the rows are visited. */
export interface SelectionInput {
  readonly logprobs: Rows;
  readonly oldLogprobs: Rows;
  /** A of row `i` at position `t`. */
  readonly advantageAt: (i: number, t: number) => number;
  /** Positions under the mask, one list a row. */
  readonly positions: readonly Int32Array[];
}

/**
 * A policy loss: the per-token term, its derivative in closed form, and what is special about it. Shared code
 * reads these properties and never compares names.
 */
export interface LossType {
  readonly name: string;
  /** Formula and source. */
  readonly source: string;
  /** Used unless the settings name another. */
  readonly aggregation: AggregationName;
  /** Level of the ratio unless the settings name another; null for TRL's default, `token`. */
  readonly importanceSamplingLevel: ImportanceSamplingLevel | null;
  /**
   * What `derivative` means. `ratio`: ∂L_t/∂d_t. `logprob`: ∂L_t/∂ℓ_t with the ratio held fixed. `row`: the
   * value is one number a row, and the derivative is that number's with respect to ℓ_t.
   */
  readonly gradient: 'ratio' | 'logprob' | 'row';
  /** Bounds on d, beyond which the ratio is constant (verl: ±20), unless the settings give others; null for none. */
  readonly logRatioBounds: readonly [number, number] | null;
  /** Whether `terms` or `observe` read `ratio`; otherwise it is not computed. */
  readonly usesRatio: boolean;
  /** True when the loss caps the ratio at `delta`; the capped ratio is then the one reported. */
  readonly capsRatio: boolean;
  /** `multiply`: the engine's ratio scales L. `inside`: the loss uses it itself. */
  readonly engineCorrection: 'multiply' | 'inside';
  /** `multiply`: the entropy mask scales L. `inside`: the loss uses it itself. */
  readonly entropyMask: 'multiply' | 'inside';
  /** Settings that differ from the general defaults, each with its reason in the loss's file. */
  readonly defaults: Partial<PolicyLossSettings>;
  /** Chooses tokens of the whole batch, as `[row, position]`. */
  readonly select?: (
    input: SelectionInput,
    settings: PolicyLossSettings,
  ) => readonly (readonly [number, number])[];
  /** Writes the terms of one row. */
  readonly terms: (row: LossRow, settings: PolicyLossSettings, out: LossTerms) => void;
  /** Adds one row to the sums. `isRowConstant` is true when the ratio and A do not vary over the row. */
  readonly observe: (
    row: LossRow,
    settings: PolicyLossSettings,
    tally: Tally,
    isRowConstant: boolean,
  ) => void;
  /** Metrics from the sums. */
  readonly metrics: (tally: Tally) => Record<string, number | null>;
}
