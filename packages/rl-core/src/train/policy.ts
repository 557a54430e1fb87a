import type { NamedArrays } from '../optimizers/types.js';
import type { Row } from '../rows.js';

/** One completion as the policy sampled it. */
export interface PolicySample<Sequence> {
  /** Prompt and completion in the policy's own form; the trainer only hands it back. */
  readonly sequence: Sequence;
  /** Completion tokens T, tool results included. */
  readonly length: number;
  /** 1 on tokens that the policy sampled, 0 on tool results, `[T]`. Default: all 1. */
  readonly toolMask?: Row;
  /** True when the completion was cut by a limit. Default false. */
  readonly isTruncated?: boolean;
  /** Log-probabilities as the sampling engine reported them, `[T]`, NaN where it gave none. */
  readonly samplingLogprobs?: Row;
  /** Updates that the sampling policy had seen, when it may lag behind. Default: all. */
  readonly policyVersion?: number;
}

export interface SampleOptions {
  /** A seed for each sample, `[prompt][sample]`; the inner length is how many to draw. */
  readonly seeds: readonly (readonly number[])[];
  /** Take the most probable token each time (ReMax's baseline). */
  readonly greedy: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Scores of one sequence's completion tokens. */
export interface TokenScores {
  /** Nats, `[T]`. */
  readonly logprobs: Row;
  /** Entropy of each token's distribution in nats, `[T]`. */
  readonly entropies?: Row | null;
}

export interface ScoreOptions {
  /** Whether entropies are wanted; they may be given anyway. */
  readonly entropy: boolean;
  readonly signal: AbortSignal | undefined;
}

export interface BackwardOptions {
  /** Cotangents of the entropies, for an entropy bonus; a policy that cannot differentiate it throws. */
  readonly entropyCotangents: readonly Float32Array[] | null;
  readonly signal: AbortSignal | undefined;
}

/** Scores sequences; a reference model needs no more. */
export interface Scorer<Sequence> {
  readonly logprobs: (
    sequences: readonly Sequence[],
    options: ScoreOptions,
  ) => Promise<readonly TokenScores[]> | readonly TokenScores[];
}

/**
 * Whatever can sample, score and differentiate. It must be a function of its parameters, the arguments and the
 * seeds alone: that is what makes a resumed run equal to an undisturbed one.
 */
export interface Policy<Prompt, Sequence> extends Scorer<Sequence> {
  /** Samples per prompt as many completions as it has seeds, `[prompt][sample]`. */
  readonly sample: (
    prompts: readonly Prompt[],
    options: SampleOptions,
  ) =>
    | Promise<readonly (readonly PolicySample<Sequence>[])[]>
    | readonly (readonly PolicySample<Sequence>[])[];
  /** Gradients of Σ c_t·log p_t (and of the entropies, if asked) with respect to the parameters; fresh arrays. */
  readonly backward: (
    sequences: readonly Sequence[],
    cotangents: readonly Float32Array[],
    options: BackwardOptions,
  ) => Promise<NamedArrays> | NamedArrays;
  /** The live parameters, which the optimizer changes in place. */
  readonly parameters: () => NamedArrays;
  /** Called after the parameters were changed, e.g. to copy them into a session. */
  readonly parametersChanged?: () => Promise<void> | void;
  /** Value estimates per token, for estimators that need a critic. */
  readonly values?: (sequences: readonly Sequence[]) => Promise<readonly Row[]> | readonly Row[];
  /** Plain JSON to save besides the parameters, e.g. the state of a random generator. */
  readonly state?: () => unknown;
  readonly restore?: (state: unknown) => void;
}

/** One sample to score. */
export interface RewardInput<Prompt, Sequence> {
  readonly prompt: Prompt;
  /** Position in the training prompts. */
  readonly promptIndex: number;
  /** Position in its group. */
  readonly sampleIndex: number;
  readonly sample: PolicySample<Sequence>;
}

export interface RewardContext {
  readonly step: number;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
}

/** Scores a batch; null where a sample cannot be scored, which takes it out of its group's statistics. */
export type Reward<Prompt, Sequence> = (
  inputs: readonly RewardInput<Prompt, Sequence>[],
  context: RewardContext,
) => Promise<readonly (number | null)[]> | readonly (number | null)[];
