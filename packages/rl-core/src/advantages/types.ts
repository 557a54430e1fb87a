import type { Row, Rows } from '../rows.js';

/** What an estimator may use. `N` sequences in groups that share a prompt, `K` reward functions. */
export interface AdvantageInput {
  /** `[N]` or `[N][K]`; null where a reward function could not score. */
  readonly rewards: readonly (number | null)[] | readonly (readonly (number | null)[])[];
  /** Weight of each reward function, `[K]`. Default: ones. */
  readonly weights?: readonly number[];
  /** Names of the reward functions for the metrics, `[K]`. Default: func0, func1, …. */
  readonly rewardNames?: readonly string[];
  /** Sequences a group, in order; N must be a multiple. Give this or `groups`. */
  readonly groupSize?: number;
  /** The group of each sequence, `[N]`; equal values share a prompt. */
  readonly groups?: readonly (string | number)[];
  /** Loss mask, `[N][T]`, 0 or 1; needed by the estimators whose `needs` says so. */
  readonly mask?: Rows;
  /** Reward of the greedy answer to each sequence's prompt, `[N]` (ReMax). */
  readonly greedyRewards?: Row;
  /** Value estimates, `[N][T]` (GAE). */
  readonly values?: Rows;
  /** Added to the outcome, which sits on each row's last token under the mask, `[N][T]`: e.g. a KL penalty. */
  readonly tokenRewards?: Rows;
}

export interface AdvantageOptions {
  /** Added to a standard deviation before dividing. Default: 1e-4 for TRL's estimators, 1e-6 for verl's. */
  readonly epsilon?: number;
  /** Discount γ. Default 1. */
  readonly gamma?: number;
  /** λ of GAE. Default 1. */
  readonly lambda?: number;
  /** Whether pass@k divides by the group's standard deviation. Default true (verl). */
  readonly normalizeByDeviation?: boolean;
}

export type AdvantageMetrics = Readonly<Record<string, number | null>>;

/** Advantages, one a sequence or one a token, 0 for what could not be scored. */
export type AdvantageResult =
  | {
      readonly level: 'sequence';
      /** `[N]`. */
      readonly advantages: Float64Array;
      readonly metrics: AdvantageMetrics;
    }
  | {
      readonly level: 'token';
      /** `[N][T]`. */
      readonly advantages: readonly Float64Array[];
      readonly metrics: AdvantageMetrics;
    };

/** Rewards → advantages. */
export interface AdvantageEstimator {
  readonly name: string;
  /** Formula and source. */
  readonly source: string;
  /** Inputs that it cannot do without. */
  readonly needs: readonly ('mask' | 'greedyRewards' | 'values')[];
  /** Whether `tokenRewards` are used; an estimator of whole sequences ignores them. */
  readonly usesTokenRewards: boolean;
  /** Smallest group in which an advantage can differ from 0. */
  readonly minimumGroupSize: number;
  /**
   * @throws {RlError} `missing-input`, `shape-mismatch`, or `invalid-reward` for a reward that is neither finite nor null.
   */
  readonly estimate: (input: AdvantageInput, options?: AdvantageOptions) => AdvantageResult;
}
