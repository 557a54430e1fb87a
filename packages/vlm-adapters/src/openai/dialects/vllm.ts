import { givenOrDefault, type ServerDialect, splitStops } from './dialect.js';

/**
 * vLLM. Field names are those of its `ChatCompletionRequest` and `ChatCompletionResponse`
 * (vllm/entrypoints/openai/chat_completion/protocol.py).
 */
export const vllm: ServerDialect = {
  name: 'vllm',
  offers: { tokenIds: true, promptLogprobs: true, tokenize: true, streamedTokenIds: true },
  hints: {
    rawText: 'Start vLLM without `--reasoning-parser`, or make `/detokenize` reachable.',
    tokenIds:
      'Update vLLM to a version that knows `return_token_ids`, and do not use `--skip-tokenizer-init`.',
    logprobs:
      'vLLM gives them whenever they are asked for: a proxy in between may drop `logprobs`, or the server is another one; pass its kind as `server`.',
    promptLogprobs:
      'Start vLLM with `--no-enable-prefix-caching` if it is one of 2025 or before; a proxy in between must pass `prompt_logprobs` on. Another kind of server is named by `server`.',
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
