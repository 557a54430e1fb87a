import { z } from 'zod';

/**
 * What servers send, as far as it is read here. Servers leave a field out or write `null` where they have nothing;
 * unknown fields are let through and not looked at.
 */
type Nullish<T> = T | null | undefined;

export interface TokenLogprob {
  /** The token's text, or `token_id:<id>` where the server was asked for that. */
  readonly token: string;
  readonly logprob: number;
}

/** One place of the prompt: by token id, the prompt's own token among them; the first place has none. */
export type PromptLogprobs = readonly Nullish<Readonly<Record<string, { logprob: number }>>>[];

export interface ChatChoice {
  readonly index: number;
  readonly message: {
    readonly content?: Nullish<string>;
    readonly reasoning?: Nullish<string>;
    readonly reasoning_content?: Nullish<string>;
    readonly tool_calls?: Nullish<
      readonly {
        readonly id?: Nullish<string>;
        readonly function: { readonly name: string; readonly arguments: string };
      }[]
    >;
  };
  readonly logprobs?: Nullish<{ readonly content?: Nullish<readonly TokenLogprob[]> }>;
  readonly finish_reason?: Nullish<string>;
  readonly stop_reason?: Nullish<string | number>;
  readonly token_ids?: Nullish<readonly number[]>;
  readonly prompt_token_ids?: Nullish<readonly number[]>;
}

export interface ChatResponse {
  readonly choices: readonly ChatChoice[];
  readonly prompt_token_ids?: Nullish<readonly number[]>;
  readonly prompt_logprobs?: Nullish<PromptLogprobs>;
}

/** A piece of a call; its texts are to be joined by `index`. */
export interface StreamedCall {
  readonly index: number;
  readonly id?: Nullish<string>;
  readonly function?: Nullish<{
    readonly name?: Nullish<string>;
    readonly arguments?: Nullish<string>;
  }>;
}

export interface ChatChunk {
  readonly choices: readonly (Omit<ChatChoice, 'message' | 'prompt_token_ids'> & {
    readonly delta: Omit<ChatChoice['message'], 'tool_calls'> & {
      readonly tool_calls?: Nullish<readonly StreamedCall[]>;
    };
  })[];
  readonly prompt_token_ids?: Nullish<readonly number[]>;
}

export interface TextResponse {
  /** vLLM puts the prompt's scores beside each choice of a text completion. */
  readonly choices: readonly {
    readonly prompt_logprobs?: Nullish<PromptLogprobs>;
    readonly prompt_token_ids?: Nullish<readonly number[]>;
  }[];
}

const tokenIds: z.ZodType<number[]> = z.array(z.number().int().min(0));

const promptLogprobs: z.ZodType<PromptLogprobs> = z.array(
  z.record(z.string(), z.object({ logprob: z.number() })).nullable(),
);

const texts = {
  content: z.string().nullish(),
  reasoning: z.string().nullish(),
  reasoning_content: z.string().nullish(),
};

const choice = {
  index: z.number().int(),
  logprobs: z
    .object({
      content: z.array(z.object({ token: z.string(), logprob: z.number() })).nullish(),
    })
    .nullish(),
  finish_reason: z.string().nullish(),
  stop_reason: z.union([z.string(), z.number()]).nullish(),
  token_ids: tokenIds.nullish(),
};

const toolCall = z.object({
  id: z.string().nullish(),
  function: z.object({ name: z.string(), arguments: z.string() }),
});

const streamedCall = z.object({
  index: z.number().int(),
  id: z.string().nullish(),
  function: z.object({ name: z.string().nullish(), arguments: z.string().nullish() }).nullish(),
});

export const chatResponse: z.ZodType<ChatResponse> = z.object({
  choices: z
    .array(
      z.object({
        ...choice,
        message: z.object({ ...texts, tool_calls: z.array(toolCall).nullish() }),
        prompt_token_ids: tokenIds.nullish(),
      }),
    )
    .min(1),
  prompt_token_ids: tokenIds.nullish(),
  prompt_logprobs: promptLogprobs.nullish(),
});

export const chatChunk: z.ZodType<ChatChunk> = z.object({
  choices: z.array(
    z.object({
      ...choice,
      delta: z.object({ ...texts, tool_calls: z.array(streamedCall).nullish() }),
    }),
  ),
  prompt_token_ids: tokenIds.nullish(),
});

export const textResponse: z.ZodType<TextResponse> = z.object({
  choices: z
    .array(
      z.object({
        prompt_logprobs: promptLogprobs.nullish(),
        prompt_token_ids: tokenIds.nullish(),
      }),
    )
    .min(1),
});

export const tokenizeResponse: z.ZodType<{ tokens: number[] }> = z.object({ tokens: tokenIds });

export const detokenizeResponse: z.ZodType<{ prompt: string }> = z.object({ prompt: z.string() });

/** The message of an error in OpenAI's form, or in an older one of vLLM's without the outer object. */
export const errorResponse: z.ZodType<string> = z.union([
  z.object({ error: z.object({ message: z.string() }) }).transform(({ error }) => error.message),
  z.object({ error: z.string() }).transform(({ error }) => error),
  z.object({ message: z.string() }).transform(({ message }) => message),
  z.object({ detail: z.string() }).transform(({ detail }) => detail),
]);
