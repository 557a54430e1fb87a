import type { BaselineChoice } from './baselines/resolve-baseline.js';
import type { CoalitionGame } from './coalitions/coalition-game.js';
import type { AttributionProgress } from './meter.js';
import type { AttributionMethodName } from './methods/index.js';
import type { AttributionMethod, MethodSettings } from './methods/method.js';
import type { MaskMode } from './model.js';
import type { PlayerSet } from './players/index.js';
import type { Player } from './players/player.js';
import type { Normalization, NormalizationName } from './scores/normalizations.js';
import type { Reduction, ReductionName } from './scores/reductions.js';
import type { TokenWeights } from './spans/token-weights.js';
import type { Target } from './targets/target.js';
import type { TargetName } from './targets/targets.js';

/** Options of `attribute`; the settings of methods lie beside them, see {@link MethodSettings}. */
export interface AttributeOptions extends MethodSettings {
  /** Default `integratedGradients`: complete, one pass for the whole call. */
  readonly method?: AttributionMethodName | AttributionMethod;
  /** Default: norm-matched vocabulary mean for text, mean image row for pictures (not zero: ill-posed under RMSNorm). */
  readonly baseline?: BaselineChoice;
  /** Default `logProbability`: Σ log p over the call. */
  readonly target?: TargetName | Target;
  /** Which completion tokens count. Default `all`. */
  readonly tokenWeights?: TokenWeights;
  /** Block of every prompt token, instead of the input's. */
  readonly blocks?: readonly (string | null)[];
  /** Who is present or absent in perturbation methods. Default `blocks`. */
  readonly players?: PlayerSet | readonly Player[];
  /** How absent players are made absent. Default `baseline`: positions and image grids stay as they are. */
  readonly maskMode?: MaskMode;
  /** Dimensions → token, tokens → block. Default `sum>sum`, which keeps sign and completeness. */
  readonly reduce?: ReductionName | Reduction;
  /** Block scores → distribution. Default `abs`. */
  readonly normalize?: NormalizationName | Normalization;
  /** Tokens that count in no block: `special` for the input's `specialTokens`, or indices. Default: none. */
  readonly exclude?: 'special' | readonly number[];
  /** Also one row of scores a completion token; gradient methods then run once more for each. Default false. */
  readonly perTarget?: boolean;
  /** Keep the scores of all dimensions in the result. Default false. */
  readonly keepDimensions?: boolean;
  /** A table shared between calls, from `prepareCoalitions`. */
  readonly coalitions?: CoalitionGame;
  /** Most points in one batched call; default: the model's `maximumBatch`, else 256 MiB of embeddings. */
  readonly maximumBatch?: number;
  /** Default 0. Same seed, same scores. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: AttributionProgress) => void;
  /** Milliseconds from any origin, for `cost.seconds` and progress. Default `performance.now`. */
  readonly clock?: () => number;
}
