import type { CoalitionGame } from '../coalitions/coalition-game.js';
import type { AttentionOutput, AttributionModel, FloatArray } from '../model.js';
import type { Objective } from '../objective.js';
import type { Player } from '../players/player.js';
import type { QuadratureName } from '../quadratures/index.js';
import type { Quadrature } from '../quadratures/quadrature.js';
import type { Random } from '../random.js';

/** What a method asks of the model. */
export type Capability =
  | 'gradients'
  | 'coalitions'
  | 'attention'
  | 'attentionGradients'
  | 'layerOutputs';

/**
 * Whether scores add up to F(input) − F(baseline): `exact` (up to rounding), in the `limit` of many steps (the
 * delta is measured and gated by `tolerance`), or `none`.
 */
export type Completeness = 'exact' | 'limit' | 'none';

/**
 * Settings of all built-in methods, in one flat record so that a method can be swapped without touching the rest.
 * A method reads those that it lists in `defaults`; the result names which were used and which were not.
 */
export interface MethodSettings {
  /** Path points; first try when `maximumSteps` is larger. */
  readonly steps?: number;
  /** Steps double up to this while the completeness delta is above `tolerance`. Default: `steps` if given. */
  readonly maximumSteps?: number;
  /** Largest |delta| / |F(input) − F(baseline)| that counts as converged. */
  readonly tolerance?: number;
  readonly quadrature?: QuadratureName | Quadrature;
  /** False: gradients averaged over the path, not multiplied by (input − baseline). */
  readonly multiplyByInputs?: boolean;
  /** Unit that sequential integrated gradients vary while the rest of the prompt stays real. */
  readonly per?: 'token' | 'player';
  /** Random draws: noise samples, orders of players, or coalitions. */
  readonly samples?: number;
  /** Standard deviation of the noise, in units of the embeddings. */
  readonly noiseScale?: number;
  /** Whether signs are dropped before averaging. */
  readonly absolute?: boolean;
  /** Guided path: share of coordinates, those with the smallest gradient, that may move first. */
  readonly fraction?: number;
  /** Guided path: widest distance from the straight path, as a share of it. */
  readonly maximumDistance?: number;
  /** Chance that a player is present in a random coalition. */
  readonly presence?: number;
  /** Weight of the L1 penalty in LIME and ContextCite. */
  readonly penalty?: number;
  /** KernelSHAP: weight of the empty and the full coalition, or hard constraints. */
  readonly endpointWeight?: number | 'exact';
  /** LIME: distance between coalitions, of their embeddings or of their presence vectors. */
  readonly similarity?: 'embeddings' | 'presence';
  /** LIME: width of the similarity kernel. */
  readonly kernelWidth?: number;
  /** Occlusion: players that are absent together, consecutive in their order. */
  readonly window?: number;
  /** Occlusion: players between the starts of two windows. */
  readonly stride?: number;
  /** Value zeroing: one layer, or the mean of all. */
  readonly layer?: number | 'mean';
  /** Fixed draws instead of random ones, to repeat another tool's numbers: noise tensors, each `[P · H]`. */
  readonly noise?: readonly ArrayLike<number>[];
  /** Fixed draws: points on the path, in [0, 1]. */
  readonly alphas?: readonly number[];
  /** Fixed draws: coalitions, one entry a player. */
  readonly masks?: readonly ArrayLike<number>[];
  /** Fixed draws: orders of the players. */
  readonly permutations?: readonly (readonly number[])[];
  /** For methods of your own. */
  readonly custom?: Readonly<Record<string, unknown>>;
}

/** Sizes from which the work of a method follows. */
export interface ProblemSize {
  readonly tokens: number;
  readonly players: number;
  /** Number of distinct player groups (Owen). */
  readonly groups: number;
  readonly layers: number;
  /** Positions of prompt and completion together. */
  readonly positions: number;
}

/** Embedding space: the function to differentiate, and the two ends of the path. */
export interface EmbeddingSpace {
  readonly objective: Objective;
  readonly input: FloatArray; // [P, H]
  /** Built on first use: methods without a baseline never ask the model for one. */
  baseline(): Promise<FloatArray>; // [P, H]
}

/** What a method works with. Members that throw name what the model lacks. */
export interface MethodContext {
  readonly settings: MethodSettings;
  readonly random: Random;
  readonly players: readonly Player[];
  readonly tokens: number;
  readonly model: AttributionModel;
  /** Only for methods that need `gradients`, `attention` or `layerOutputs`. */
  readonly space: EmbeddingSpace | null;
  /** The game of the players; every coalition is scored once. */
  readonly game: CoalitionGame;
  /** F at the input and at the baseline. */
  endpoints(): Promise<{ input: number; baseline: number }>;
  /** Attention at the input; with gradients of F on request. */
  attention(options: { gradients: boolean }): Promise<AttentionOutput>;
  /** Hidden states `[S, H]` after a layer, optionally with one position's values at zero. */
  layerOutputs(layer: number, zeroedPosition: number | null): Promise<FloatArray>;
  /** Weights of the completion's tokens, `[T]`. */
  readonly tokenWeights: Float64Array;
}

/** Scores at the finest level that the method gives; coarser levels follow by the result's reduction. */
export interface MethodScores {
  /** `dimensions`: `[P, H]`; `tokens`: `[P]`; `players`: `[M]`. */
  readonly level: 'dimensions' | 'tokens' | 'players';
  readonly scores: Float64Array;
  /** Standard errors of the scores, same length, for sampling methods. */
  readonly standardErrors?: Float64Array;
  /** Path points of the last pass. */
  readonly steps?: number;
  /** What adds up to F(input) − F(baseline), when that is not the sum of `scores`. */
  readonly completeSum?: number;
  /** Constant term of a fitted linear model: what it predicts for an empty prompt. */
  readonly intercept?: number;
  /** `[T, P]`: one row a completion token, for methods that have it for nothing. */
  readonly perTarget?: readonly Float64Array[];
}

/** A way to give credit. A user's object of this shape works without registering it anywhere. */
export interface AttributionMethod {
  readonly name: string;
  readonly family: 'gradient' | 'perturbation' | 'attention';
  readonly needs: readonly Capability[];
  /** Whether scores depend on the baseline. */
  readonly usesBaseline: boolean;
  readonly completeness: Completeness;
  /** The settings that it reads, with their defaults. */
  readonly defaults: MethodSettings;
  /** Settings that it reads when given and that have no default. */
  readonly optional?: readonly (keyof MethodSettings)[];
  /** Completes given settings when a default depends on another setting; else `{ ...defaults, ...given }`. */
  settle?(given: MethodSettings): MethodSettings;
  /** Most work for one target; adaptive steps and shared tables need less. */
  cost(size: ProblemSize, settings: MethodSettings): { forwards: number; backwards: number };
  attribute(context: MethodContext): Promise<MethodScores>;
}
