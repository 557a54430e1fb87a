import type { AttributionModel } from '@iapo/attribution';
import type { NamedArrays } from '@iapo/rl-core';
import type { EpisodeMessage } from '@iapo/vqa-tools';

/**
 * What IAPO asks of models. Everything is structural: an `OnnxVlm` fits, and so does a hand-written object.
 *
 * `Prompt` is the model's own form of a prompt; this package reads {@link AgentPrompt} from it and hands it back.
 */

/** A tool as a prompt describes it. */
export interface PromptTool {
  readonly type: 'function';
  readonly function: {
    readonly name: string;
    readonly description: string;
    readonly parameters: Readonly<Record<string, unknown>>;
  };
}

/** One picture of a prompt. */
export interface AgentImage {
  /** Where its placeholder tokens are in the prompt, ascending. */
  readonly tokens: ArrayLike<number>;
  /** Rows and columns of those tokens; absent or `null`: there is no grid, and reports draw no overlay. */
  readonly grid?: { readonly rows: number; readonly columns: number } | null;
}

/** A prompt whose tokens belong to blocks. */
export interface AgentPrompt {
  /** `[tokens]`. */
  readonly inputIds: ArrayLike<number>;
  /** One for each token: P, R, I or T; `null` for none. */
  readonly blocks: readonly (string | null)[];
  /** The prompt as its tokens say it. */
  readonly text: string;
  /** `[tokens + 1]`: token `i` is `text.slice(characters[i], characters[i + 1])`. */
  readonly characters: ArrayLike<number>;
  readonly images?: readonly AgentImage[];
}

/** One sampled turn. */
export interface AgentCompletion {
  readonly tokenIds: readonly number[];
  readonly text: string;
  /** `[tokens]`, nats, of the distribution that was sampled from. */
  readonly logprobs: ArrayLike<number>;
  readonly finishReason: 'stop' | 'length' | 'abort';
}

/** How turns are sampled. */
export interface AgentSampling {
  /** Default 1: the model's own distribution, which is what is trained. */
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
}

export interface AgentSampleOptions extends AgentSampling {
  /** A seed for each sample, `[prompt][sample]`; the inner length is how many to draw. */
  readonly seeds: readonly (readonly number[])[];
  readonly maxNewTokens: number;
  readonly signal?: AbortSignal;
}

/** A prompt and the tokens after it; tokens sampled in earlier turns stand in the prompt. */
export interface AgentSequence<Prompt> {
  readonly prompt: Prompt;
  readonly completion: readonly number[];
}

/** Encodes conversations. */
export interface PromptEncoder<Prompt extends AgentPrompt> {
  /** Names the model in results, caches and reports. */
  readonly id: string;
  encode(
    messages: readonly EpisodeMessage[],
    options?: { readonly tools?: readonly PromptTool[] },
  ): Promise<Prompt>;
  /** Text of tokens, control tokens spelled out. */
  decode(tokenIds: readonly number[]): string;
  /** Tokens of a text, control tokens recognized; needed of a teacher whose vocabulary is not the student's. */
  tokenize?(text: string): readonly number[];
}

/** A model that plays episodes. */
export interface AgentModel<Prompt extends AgentPrompt> extends PromptEncoder<Prompt> {
  /** The next turn: sampled tokens stay as they are. */
  extend(
    prompt: Prompt,
    completion: Pick<AgentCompletion, 'tokenIds' | 'finishReason'>,
    messages: readonly EpisodeMessage[],
  ): Promise<Prompt>;
  /** `[prompt][sample]`. Must depend on the prompts and seeds alone. */
  sample(
    prompts: readonly Prompt[],
    options: AgentSampleOptions,
  ): Promise<readonly (readonly AgentCompletion[])[]>;
}

export interface AgentScores {
  /** Nats, of every sampled token of the sequence: earlier turns, then the completion. */
  readonly logprobs: ArrayLike<number>;
  /** Nats, when asked for. */
  readonly entropies?: ArrayLike<number> | null;
}

/** Scores sampled tokens: all that a reference policy, or a teacher as a judge, needs. */
export interface ScoringModel<Prompt> {
  logprobs(
    sequences: readonly AgentSequence<Prompt>[],
    options?: {
      readonly temperature?: number;
      readonly entropy?: boolean;
      readonly signal?: AbortSignal;
    },
  ): Promise<readonly AgentScores[]>;
}

/** A model that can be trained. */
export interface StudentModel<Prompt extends AgentPrompt>
  extends AgentModel<Prompt>,
    ScoringModel<Prompt> {
  /** Gradients of Σ c_t · log p_t with respect to the trainable arrays, by their names. */
  backward(
    sequences: readonly AgentSequence<Prompt>[],
    cotangents: readonly Float32Array[],
    options: {
      readonly wrt: 'adapter' | 'weights';
      readonly temperature?: number;
      /** Cotangents of the entropies, for an entropy bonus; a model that cannot differentiate them throws. */
      readonly entropyCotangents?: readonly Float32Array[] | null;
      readonly signal?: AbortSignal;
    },
  ): Promise<{ readonly gradients: NamedArrays }>;
  /** The live trainable arrays, which the optimizer changes in place. */
  parameters(): NamedArrays;
  /** Called after they were changed. */
  parametersChanged?(): Promise<void> | void;
}

/** A model whose tool calls can be explained. */
export type ExplainedModel<Prompt extends AgentPrompt> = PromptEncoder<Prompt> &
  Omit<AttributionModel<Prompt>, 'id'> & {
    /** The prompt without the tokens whose entry is 0, for models that see prompts only. */
    maskPrompt?(prompt: Prompt, keep: Uint8Array): Prompt;
  };
