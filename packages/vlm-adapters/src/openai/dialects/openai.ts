import { VlmError } from '../../errors.js';
import { givenOrDefault, type ServerDialect, splitStops } from './dialect.js';

/** OpenAI's own fields and no other, for whatever server keeps to them. */
export const openai: ServerDialect = {
  name: 'openai',
  offers: { tokenIds: false, promptLogprobs: false, tokenize: false, streamedTokenIds: false },
  hints: {
    rawText: 'Use chat(), which gives calls beside the text.',
    tokenIds:
      'Plain chat endpoints give text only: use chat() for that, or serve the model with vLLM and pass server: "vllm".',
    logprobs: 'The model may not offer `logprobs`; choose another one.',
    promptLogprobs:
      'Plain chat endpoints score no given text: serve the model with vLLM and pass server: "vllm".',
    processedLogprobs: 'Sample at temperature 1 without topP, where both are the same.',
  },
  keepsToolCallsAsText: false,
  samplingFields: (options, seed) => {
    const { texts, tokenIds } = splitStops(options);
    const refused = [
      tokenIds.length > 0 ? 'stop tokens' : null,
      (options.topK ?? 0) === 0 ? null : 'topK',
      (options.minP ?? 0) === 0 ? null : 'minP',
      (options.repetitionPenalty ?? 1) === 1 ? null : 'repetitionPenalty',
    ].filter((name) => name !== null);
    if (refused.length > 0) {
      throw new VlmError(
        'unsupported',
        `Plain chat endpoints have no ${refused.join(', ')}. If the server has, pass server: "vllm" or "sglang".`,
      );
    }
    return {
      ...givenOrDefault(options, {
        temperature: [options.temperature, 1],
        top_p: [options.topP, 1],
      }),
      max_completion_tokens: options.maxNewTokens ?? 256,
      seed,
      logprobs: true,
      ...(texts.length > 0 ? { stop: texts } : {}),
    };
  },
};
