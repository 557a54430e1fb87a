import type { AggregationName } from './aggregation/index.js';
import type { KlEstimator, KlEstimatorName } from './kl/index.js';

/** Which log-ratio the loss sees; see `PolicyLossSettings.importanceSamplingLevel`. */
export type ImportanceSamplingLevel = 'token' | 'sequence' | 'sequence_token';

/** How π_old/π_sampler is formed and bounded; TRL's `vllm_importance_sampling_mode`. */
export type EngineCorrectionMode =
  | 'token_truncate'
  | 'token_mask'
  | 'sequence_truncate'
  | 'sequence_mask';

/** Correction for a sampling engine whose log-probabilities differ from the trainer's. */
export interface EngineCorrection {
  /** `token_*` per token, `sequence_*` the product over the row; `*_truncate` clamps, `*_mask` sets to 0 outside. Default `sequence_mask` (TRL). */
  readonly mode?: EngineCorrectionMode;
  /** Lower bound of the ratio. Default null, none. */
  readonly clipMin?: number | null;
  /** Upper bound of the ratio. Default 3 (TRL). */
  readonly clipMax?: number | null;
}

/**
 * Settings of `policyLoss`. Names are TRL's in camel case, and so are the defaults; what only verl has takes
 * verl's.
 */
export interface PolicyLossSettings {
  /** `token`: w_t. `sequence`: exp of the mean log-ratio (GSPO). `sequence_token`: the same value with the gradient of the token itself (GSPO-token). Default: the loss's own, else `token`. */
  readonly importanceSamplingLevel: ImportanceSamplingLevel | null;
  /** How token losses become one number. Default: the loss's own. */
  readonly aggregation: AggregationName | null;
  /** Lower clip range: 1 − ε. Default 0.2 (PPO). */
  readonly epsilonLow: number;
  /** Upper clip range: 1 + ε_h. Default null: as `epsilonLow`. DAPO's clip-higher is 0.28. For `cispo` the ratio's cap itself. */
  readonly epsilonHigh: number | null;
  /** Upper cap of the ratio for the clipped losses; INTELLECT-2 uses 4. Default null. */
  readonly delta: number | null;
  /** Cap of dual clip for A < 0 (`dual_clip`), and of the detached ratio (`dppo_*`). Default: the loss's own. */
  readonly clipRatioC: number;
  /** Bounds on the log-ratio, beyond which it is constant; `undefined` for the loss's own, null for none. */
  readonly logRatioBounds: readonly [number, number] | null | undefined;
  /** Weight of the KL term in the loss. Default 0: no reference is needed. */
  readonly beta: number;
  /** Estimator of the KL term. Default `trl_k3`. */
  readonly klEstimator: KlEstimatorName | KlEstimator;
  /** Multiplies the KL term by the ratio (DeepSeek-V3.2). Default false. */
  readonly useBiasCorrectionKl: boolean;
  /** Temperatures of SAPO's gate. Defaults 1 and 1.05 (2511.20347). */
  readonly sapoTemperaturePos: number;
  readonly sapoTemperatureNeg: number;
  /** Shape of VESPO's gamma weights. Defaults 2, 3, 3, 2. */
  readonly vespoKPos: number;
  readonly vespoLambdaPos: number;
  readonly vespoKNeg: number;
  readonly vespoLambdaNeg: number;
  /** Share of tokens that clip-cov drops. Default 0.0002 (2505.22617). */
  readonly clipCovRatio: number;
  /** Covariances that clip-cov may drop lie between these. Defaults 1 and 5. */
  readonly clipCovLow: number;
  readonly clipCovHigh: number;
  /** Share of tokens that kl-cov penalizes, and the penalty's weight. Defaults 0.0002 and 1. */
  readonly klCovRatio: number;
  readonly klCovCoef: number;
  /** Weight of DRO's ½d² penalty. Default 0.1. */
  readonly droBeta: number;
  /** Drops rows with A < 0 whose mean of (sampler − policy) log-probability is above it (DeepSeek-V3.2). Default null: off. */
  readonly offPolicyMaskThreshold: number | null;
  /** Share ρ of tokens of highest entropy that keep their policy term (2506.01939: 0.2). Default 1: all. */
  readonly topEntropyQuantile: number;
  /** The threshold itself, when it was found over more rows than these. Default null: from these rows. */
  readonly entropyThreshold: number | null;
  /** Weight of the entropy bonus. Default 0. */
  readonly entropyCoef: number;
  /** Default null: no correction. */
  readonly engineCorrection: EngineCorrection | null;
  /** γ of PAPO's perception term: subtracts γ · mean k3(ℓ, ℓ of the masked image). Default 0; the paper 0.01–0.02. */
  readonly perceptionCoef: number;
  /** η of PAPO's double entropy term. Default 0; the paper 0.03. */
  readonly perceptionEntropyCoef: number;
  /** Longest completion that sampling allows; needed by `dr_grpo`. Default null. */
  readonly maxCompletionLength: number | null;
  /** Divisor of `seq-mean-token-sum-norm`. Default null: the longest row. */
  readonly lossScaleFactor: number | null;
  /** N, tokens under the mask over the whole generation batch and all processes. Default null: counted here. */
  readonly numItemsInBatch: number | null;
  /** Rows of the mini-batch over all processes. Default null: the rows given. */
  readonly globalBatchSize: number | null;
  /** P. Default 1. */
  readonly numProcesses: number;
  /** GA: losses of that many calls are added for one step. Default 1; ignored in evaluation. */
  readonly gradientAccumulationSteps: number;
  /** Default `train`. */
  readonly mode: 'train' | 'eval';
  /** Seed of clip-cov's random choice. Default 0. */
  readonly seed: number;
  /** Also return per-token losses, ratios and masks. Default false, for speed. */
  readonly details: boolean;
}

export const defaultPolicyLossSettings: PolicyLossSettings = {
  importanceSamplingLevel: null,
  aggregation: null,
  epsilonLow: 0.2,
  epsilonHigh: null,
  delta: null,
  clipRatioC: 3,
  logRatioBounds: undefined,
  beta: 0,
  klEstimator: 'trl_k3',
  useBiasCorrectionKl: false,
  sapoTemperaturePos: 1,
  sapoTemperatureNeg: 1.05,
  vespoKPos: 2,
  vespoLambdaPos: 3,
  vespoKNeg: 3,
  vespoLambdaNeg: 2,
  clipCovRatio: 0.0002,
  clipCovLow: 1,
  clipCovHigh: 5,
  klCovRatio: 0.0002,
  klCovCoef: 1,
  droBeta: 0.1,
  offPolicyMaskThreshold: null,
  topEntropyQuantile: 1,
  entropyThreshold: null,
  entropyCoef: 0,
  engineCorrection: null,
  perceptionCoef: 0,
  perceptionEntropyCoef: 0,
  maxCompletionLength: null,
  lossScaleFactor: null,
  numItemsInBatch: null,
  globalBatchSize: null,
  numProcesses: 1,
  gradientAccumulationSteps: 1,
  mode: 'train',
  seed: 0,
  details: false,
};
