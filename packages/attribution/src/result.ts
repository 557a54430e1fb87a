import type { Modality, PromptImage } from './input.js';
import type { Cost } from './meter.js';
import type { Completeness } from './methods/method.js';
import type { MaskMode, ScoreQuantity } from './model.js';

/** A value that survives JSON. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

export interface BlockScore {
  readonly name: string;
  /** Number of prompt tokens. */
  readonly tokens: number;
  /** Reduced score, in units of F; `null` for a block without (counted) tokens. */
  readonly score: number | null;
  /** Share of the distribution over all blocks with a score; `null` where `score` is. */
  readonly share: number | null;
}

export interface PlayerScore {
  readonly name: string;
  readonly tokens: readonly number[];
  readonly score: number;
  /** `null` for methods that do not sample. */
  readonly standardError: number | null;
}

/** Do the scores add up to F(input) − F(baseline)? */
export interface CompletenessCheck {
  readonly targetAtInput: number;
  readonly targetAtBaseline: number;
  /** What the scores add up to. */
  readonly sum: number;
  /** sum − (F(input) − F(baseline)), as Captum's convergence delta. */
  readonly delta: number;
  /** |delta| / |F(input) − F(baseline)|; `null` when the difference is 0. */
  readonly relativeDelta: number | null;
  readonly tolerance: number;
  /** Whether |delta| is within `tolerance` of the difference, or of rounding. Do not train on a false one. */
  readonly converged: boolean;
}

/** Scores of prompt tokens and blocks for each completion token on its own; `null` rows were not asked for. */
export interface PerTargetScores {
  readonly tokens: readonly (readonly number[] | null)[];
  readonly blocks: readonly (readonly (number | null)[] | null)[];
}

/**
 * The credit that every prompt token and block gets for a completion, with everything needed to repeat or compare
 * it. Plain data: `JSON.stringify` keeps all of it.
 */
export interface AttributionResult {
  readonly format: 'iapo-attribution';
  readonly version: 1;
  /** The input's id. */
  readonly id: string | null;
  readonly model: { readonly id: string; readonly dtype: string };
  readonly method: {
    readonly name: string;
    readonly family: string;
    readonly completeness: Completeness;
    /** The settings that it read. */
    readonly settings: Readonly<Record<string, JsonValue>>;
    /** Settings that were passed but that this method does not read. */
    readonly unusedSettings: readonly string[];
  };
  readonly target: {
    readonly name: string;
    readonly quantity: ScoreQuantity;
    /** `all`, a span, spans joined by `+`, or `custom`. */
    readonly span: string;
    readonly tokenWeights: readonly number[];
    readonly completion: readonly number[];
    readonly completionTokens: readonly string[] | null;
    readonly contrast: readonly number[] | null;
  };
  /** Description of each modality's baseline; `null` for methods that use none. */
  readonly baseline: Readonly<Record<Modality, string>> | null;
  /** How absent players were made absent; `prompt` when the input's `maskPrompt` did it. */
  readonly maskMode: MaskMode | 'prompt' | null;
  readonly reduce: string;
  readonly normalize: {
    readonly name: string;
    readonly parameters: Readonly<Record<string, number>>;
  };
  readonly seed: number;
  readonly tokens: {
    /** One score a prompt token, in units of F. */
    readonly scores: readonly number[];
    readonly blocks: readonly (string | null)[];
    readonly texts: readonly string[] | null;
  };
  readonly blocks: readonly BlockScore[];
  /** `null`, or why the shares (then uniform) are no measurement. */
  readonly degenerate: string | null;
  readonly players: readonly PlayerScore[] | null;
  /** Constant term of the methods that fit a linear model of presence; `null` for the others. */
  readonly intercept: number | null;
  readonly perTarget: PerTargetScores | null;
  /** Scores before the token reduction, `[P · H]`, with `keepDimensions`. */
  readonly dimensions: readonly number[] | null;
  /** `null` for methods that promise no completeness. */
  readonly completeness: CompletenessCheck | null;
  /** Path points of the last pass. */
  readonly steps: number | null;
  /** Tokens left out of the blocks by `exclude`, and their share of Σ|score|; the share is `null` if that sum is 0. */
  readonly excluded: { readonly tokens: readonly number[]; readonly share: number | null } | null;
  readonly images: readonly PromptImage[] | null;
  readonly cost: Cost;
}
