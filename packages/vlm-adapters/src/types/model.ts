import type { Message, ToolDefinition } from './message.js';
import type { EncodedPrompt, Sequence } from './prompt.js';

export interface Capabilities {
  readonly sample: boolean;
  readonly logprobs: boolean;
  readonly gradients: boolean;
  readonly adapters: boolean;
}

export type FinishReason = 'stop' | 'length' | 'abort';

/** One sampled continuation. Tokens are what counts; the text is their reading. */
export interface Completion {
  readonly tokenIds: readonly number[];
  readonly text: string;
  /** `[tokens]`, nats: of the distribution that was sampled from (temperature, top-p, … applied). */
  readonly logprobs: readonly number[];
  /** `[tokens]`, nats: of the model's own distribution, at temperature 1. */
  readonly modelLogprobs: readonly number[];
  readonly finishReason: FinishReason;
}

export interface SamplingOptions {
  /** Completions for each prompt. Default 1. */
  readonly n?: number;
  /** Default 256. */
  readonly maxNewTokens?: number;
  /** Logits are divided by it; 0 takes the most probable token. Default 1: the model's own distribution. */
  readonly temperature?: number;
  /** Smallest set of tokens whose probability reaches this. Default 1: all. */
  readonly topP?: number;
  /** Most tokens to choose from. Default 0: all. */
  readonly topK?: number;
  /** Least probability, as a share of the largest. Default 0. */
  readonly minP?: number;
  /** Default 1: none. CTRL's penalty on tokens that the prompt or the completion hold. */
  readonly repetitionPenalty?: number;
  /** Texts and token ids that end a completion, besides the model's end-of-turn tokens. */
  readonly stop?: readonly (string | number)[];
  /** Row (prompt p, sample s) draws from its own stream, derived from (seed, p, s). Default 0. */
  readonly seed?: number;
  /** Streams by name instead: `seeds[prompt][sample]`; the inner length is how many to draw, in place of `n`. */
  readonly seeds?: readonly (readonly number[])[];
  /** Take what `generation_config.json` says where an option is not given. Default false. */
  readonly useGenerationConfig?: boolean;
  readonly onToken?: (event: {
    readonly prompt: number;
    readonly sample: number;
    readonly tokenId: number;
    readonly text: string;
  }) => void;
  readonly signal?: AbortSignal;
}

/** Scores of the sampled tokens of one sequence: those of earlier turns, then the completion's. */
export interface TokenLogprobs {
  /** `[scored]`, nats. */
  readonly logprobs: Float32Array;
  /** `[scored]`: entropy of the distribution at each token, nats; when asked for. */
  readonly entropies: Float32Array | null;
}

/** What a model can do; `Prompt` is its own form of a prompt, which callers keep and hand back. */
export interface VisionLanguageModel<Prompt = EncodedPrompt> {
  readonly id: string;
  readonly capabilities: Capabilities;
  encode(
    messages: readonly Message[],
    options?: { readonly tools?: readonly ToolDefinition[] },
  ): Promise<Prompt>;
  extend(
    prompt: Prompt,
    completion: Pick<Completion, 'tokenIds' | 'finishReason'>,
    messages: readonly Message[],
  ): Promise<Prompt>;
  sample(prompts: readonly Prompt[], options?: SamplingOptions): Promise<Completion[][]>;
  logprobs(
    sequences: readonly Sequence<Prompt>[],
    options?: {
      readonly temperature?: number;
      readonly entropy?: boolean;
      readonly signal?: AbortSignal;
    },
  ): Promise<TokenLogprobs[]>;
  [Symbol.asyncDispose](): Promise<void>;
}
