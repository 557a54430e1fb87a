import type { HttpClient } from './http-client.js';
import type { ResolvedOptions } from './options.js';
import { locateTurns, type ServerPrompt } from './server-prompt.js';
import { detokenizeResponse, tokenizeResponse } from './wire-schemas.js';

/** A server's `/tokenize` and `/detokenize`, where it has them. */
export class ServerTokenizer {
  readonly #client: HttpClient;
  readonly #options: ResolvedOptions;

  constructor(client: HttpClient, options: ResolvedOptions) {
    this.#client = client;
    this.#options = options;
  }

  /**
   * The prompt with its tokens, or as it is if the server does not tokenize for others.
   *
   * @throws {VlmError} `prompt` if the tokens of a sampled turn are not among them.
   */
  async withIds(prompt: ServerPrompt, signal: AbortSignal): Promise<ServerPrompt> {
    const { dialect, model, extraBody } = this.#options;
    if (!dialect.offers.tokenize) return prompt;
    const { chat_template_kwargs: template, mm_processor_kwargs: processor } = extraBody;
    const response = await this.#client.postIfOffered({
      path: '{root}/tokenize',
      body: {
        model,
        messages: prompt.messages,
        ...(prompt.tools.length > 0 ? { tools: prompt.tools } : {}),
        add_generation_prompt: true,
        ...(template === undefined ? {} : { chat_template_kwargs: template }),
        ...(processor === undefined ? {} : { mm_processor_kwargs: processor }),
      },
      schema: tokenizeResponse,
      signal,
    });
    if (response === null) return prompt;
    locateTurns(response.tokens, prompt.turns);
    return { ...prompt, inputIds: Int32Array.from(response.tokens) };
  }

  /** Text of tokens with control tokens spelled out, or `null`. */
  async detokenize(ids: readonly number[], signal: AbortSignal): Promise<string | null> {
    const { dialect, model } = this.#options;
    if (!dialect.offers.tokenize) return null;
    const response = await this.#client.postIfOffered({
      path: '{root}/detokenize',
      body: { model, tokens: ids },
      schema: detokenizeResponse,
      signal,
    });
    return response?.prompt ?? null;
  }
}
