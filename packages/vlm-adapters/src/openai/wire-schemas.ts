import { z } from 'zod';

/** What servers send, as far as it is read here. Unknown fields are let through and not looked at. */

const tokenIds = z.array(z.number().int().min(0));

const tokenLogprob = z.object({
  /** The token's text, or `token_id:<id>` where the server was asked for that. */
  token: z.string(),
  logprob: z.number(),
});

const choiceLogprobs = z.object({ content: z.array(tokenLogprob).nullish() });

const toolCall = z.object({
  id: z.string().nullish(),
  function: z.object({ name: z.string(), arguments: z.string() }),
});

/** By token id; the token of the prompt is among them. */
const promptLogprobs = z.array(z.record(z.string(), z.object({ logprob: z.number() })).nullable());

export const chatResponse = z.object({
  choices: z
    .array(
      z.object({
        index: z.number().int(),
        message: z.object({
          content: z.string().nullish(),
          tool_calls: z.array(toolCall).nullish(),
          reasoning: z.string().nullish(),
          reasoning_content: z.string().nullish(),
        }),
        logprobs: choiceLogprobs.nullish(),
        finish_reason: z.string().nullish(),
        stop_reason: z.union([z.string(), z.number()]).nullish(),
        token_ids: tokenIds.nullish(),
        prompt_token_ids: tokenIds.nullish(),
      }),
    )
    .min(1),
  prompt_token_ids: tokenIds.nullish(),
  prompt_logprobs: promptLogprobs.nullish(),
});

export type ChatResponse = z.output<typeof chatResponse>;
export type PromptLogprobs = z.output<typeof promptLogprobs>;

export const chatChunk = z.object({
  choices: z.array(
    z.object({
      index: z.number().int(),
      delta: z.object({
        content: z.string().nullish(),
        reasoning: z.string().nullish(),
        reasoning_content: z.string().nullish(),
        tool_calls: z
          .array(
            z.object({
              index: z.number().int(),
              id: z.string().nullish(),
              function: z
                .object({ name: z.string().nullish(), arguments: z.string().nullish() })
                .nullish(),
            }),
          )
          .nullish(),
      }),
      logprobs: choiceLogprobs.nullish(),
      finish_reason: z.string().nullish(),
      stop_reason: z.union([z.string(), z.number()]).nullish(),
      token_ids: tokenIds.nullish(),
    }),
  ),
  prompt_token_ids: tokenIds.nullish(),
});

export type ChatChunk = z.output<typeof chatChunk>;

/** vLLM puts the prompt's scores beside each choice of a text completion. */
export const textResponse = z.object({
  choices: z
    .array(
      z.object({
        prompt_logprobs: promptLogprobs.nullish(),
        prompt_token_ids: tokenIds.nullish(),
      }),
    )
    .min(1),
});

export const tokenizeResponse = z.object({ tokens: tokenIds });

export const detokenizeResponse = z.object({ prompt: z.string() });

/** OpenAI's form of an error, and vLLM's older one without the outer object. */
export const errorResponse = z.union([
  z.object({ error: z.object({ message: z.string() }) }).transform(({ error }) => error.message),
  z.object({ error: z.string() }).transform(({ error }) => error),
  z.object({ message: z.string() }).transform(({ message }) => message),
  z.object({ detail: z.string() }).transform(({ detail }) => detail),
]);
