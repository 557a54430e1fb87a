import { givenOrDefault, type ServerDialect, splitStops } from './dialect.js';

/**
 * vLLM. Field names are those of its `ChatCompletionRequest` and `ChatCompletionResponse`
 * (vllm/entrypoints/openai/chat_completion/protocol.py).
 */
export const vllm: ServerDialect = {
  name: 'vllm',
  offers: { tokenIds: true, promptLogprobs: true, tokenize: true, streamedTokenIds: true },
  hints: {
    tokenIds:
      'Update vLLM to a version that knows `return_token_ids`, and do not use `--skip-tokenizer-init`.',
    logprobs:
      'Start vLLM with `--max-logprobs` of at least 1, and without a proxy that drops `logprobs`.',
    promptLogprobs:
      'Start vLLM with `--max-logprobs` of at least 1 and, before version 1 of its engine, with `--no-enable-prefix-caching`; a proxy in between must pass `prompt_logprobs` on.',
    processedLogprobs:
      'Start vLLM with `--logprobs-mode processed_logprobs` and pass logprobsMode: "processed_logprobs", or sample at temperature 1 without topP, topK, minP and repetitionPenalty.',
  },
  keepsToolCallsAsText: true,
  samplingFields: (options, seed) => {
    const { texts, tokenIds } = splitStops(options);
    return {
      ...givenOrDefault(options, {
        temperature: [options.temperature, 1],
        top_p: [options.topP, 1],
        top_k: [options.topK, 0],
        min_p: [options.minP, 0],
        repetition_penalty: [options.repetitionPenalty, 1],
      }),
      max_tokens: options.maxNewTokens ?? 256,
      seed,
      logprobs: true,
      top_logprobs: 0,
      return_token_ids: true,
      // What older versions know in place of it: then the tokens' names are their ids.
      return_tokens_as_token_ids: true,
      skip_special_tokens: false,
      ...(texts.length > 0 ? { stop: texts } : {}),
      ...(tokenIds.length > 0 ? { stop_token_ids: tokenIds } : {}),
    };
  },
};
