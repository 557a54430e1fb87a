import { givenOrDefault, type ServerDialect, splitStops } from './dialect.js';

/**
 * SGLang. Field names are those of its `ChatCompletionRequest`
 * (python/sglang/srt/entrypoints/openai/protocol.py).
 */
export const sglang: ServerDialect = {
  name: 'sglang',
  offers: { tokenIds: true, promptLogprobs: false, tokenize: false, streamedTokenIds: false },
  hints: {
    rawText: 'Start SGLang without `--tool-call-parser` and `--reasoning-parser`.',
    tokenIds: 'Update SGLang to a version that knows `return_token_ids`.',
    logprobs: 'A proxy in between may have dropped `logprobs`.',
    promptLogprobs:
      'SGLang\'s chat endpoint gives none. Serve the model with vLLM, and pass server: "vllm".',
    processedLogprobs:
      'Sample at temperature 1 without topP, topK, minP and repetitionPenalty, where both are the same.',
  },
  // With 'none' SGLang leaves the tools out of the prompt. Start it without --tool-call-parser to get calls as text.
  keepsToolCallsAsText: false,
  samplingFields: (options, seed) => {
    const { texts, tokenIds } = splitStops(options);
    const topK = options.topK === 0 ? -1 : options.topK;
    return {
      ...givenOrDefault(options, {
        temperature: [options.temperature, 1],
        top_p: [options.topP, 1],
        top_k: [topK, -1],
        min_p: [options.minP, 0],
        repetition_penalty: [options.repetitionPenalty, 1],
      }),
      max_tokens: options.maxNewTokens ?? 256,
      seed,
      logprobs: true,
      return_token_ids: true,
      return_prompt_token_ids: true,
      skip_special_tokens: false,
      ...(texts.length > 0 ? { stop: texts } : {}),
      ...(tokenIds.length > 0 ? { stop_token_ids: tokenIds } : {}),
    };
  },
};
