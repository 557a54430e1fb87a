import { checkTools } from '../encode/check-messages.js';
import { VlmError } from '../errors.js';
import type { Message, ToolDefinition } from '../types/message.js';
import type {
  Capabilities,
  Completion,
  SamplingOptions,
  TokenLogprobs,
  VisionLanguageModel,
} from '../types/model.js';
import type { Sequence } from '../types/prompt.js';
import { AnswerBuilder, readAnswer, type ServerAnswer } from './answer.js';
import { checkSampling, isPlain, rowSeed } from './check-sampling.js';
import { HttpClient } from './http-client.js';
import { type OpenAiVlmOptions, type ResolvedOptions, resolveOptions } from './options.js';
import { SampledTexts } from './sampled-texts.js';
import { finiteLogprob, scoreSequence } from './score-sequence.js';
import { checkPromptIds, locateTurns, type ServerPrompt } from './server-prompt.js';
import { countImages, wireMessages } from './wire-messages.js';
import { chatChunk, chatResponse, detokenizeResponse, tokenizeResponse } from './wire-schemas.js';

/** What {@link OpenAiVlm.extend} takes: a completion that was sampled, or its tokens. */
export type SampledCompletion = Pick<Completion, 'tokenIds' | 'finishReason'> &
  Partial<Pick<Completion, 'text'>>;

/**
 * A vision-language model behind an OpenAI-compatible chat endpoint. It samples, and scores given completions where
 * the server does (vLLM); it has no gradients.
 *
 * @example
 * const teacher = new OpenAiVlm({ baseUrl: 'http://localhost:8000/v1', model: 'Qwen/Qwen2.5-VL-7B-Instruct' });
 * const prompt = await teacher.encode([{ role: 'user', content: 'Which bar is the highest?' }]);
 * const [[completion]] = await teacher.sample([prompt], { maxNewTokens: 64 });
 */
export class OpenAiVlm implements VisionLanguageModel<ServerPrompt> {
  readonly id: string;
  readonly capabilities: Capabilities;
  readonly #options: ResolvedOptions;
  readonly #client: HttpClient;
  readonly #closing = new AbortController();
  /** Tokens of prompts as answers have shown them, pictures expanded. */
  readonly #promptIds = new WeakMap<ServerPrompt, readonly number[]>();
  readonly #texts = new SampledTexts();

  /** @throws {VlmError} `invalid-argument`. */
  constructor(options: OpenAiVlmOptions) {
    this.#options = resolveOptions(options);
    this.#client = new HttpClient(this.#options);
    const { model, dialect } = this.#options;
    this.id = model;
    this.capabilities = {
      sample: dialect.offers.tokenIds,
      logprobs: dialect.offers.promptLogprobs,
      gradients: false,
      adapters: false,
    };
  }

  /**
   * Prepares a conversation. Pictures are read here, and the server's tokenize endpoint is asked where there is one.
   *
   * @throws {VlmError} `prompt`, `image`, `server`, `timeout`.
   */
  async encode(
    messages: readonly Message[],
    options: { readonly tools?: readonly ToolDefinition[]; readonly signal?: AbortSignal } = {},
  ): Promise<ServerPrompt> {
    const { tools = [] } = options;
    checkTools(tools);
    const wire = await wireMessages(messages);
    const prompt = {
      messages: wire,
      tools,
      imageCount: countImages(wire),
      inputIds: null,
      turns: [],
    };
    return await this.#withIds(prompt, options.signal);
  }

  /**
   * The next turn. The server gets the completion's text; that it makes the sampled tokens of it again is checked,
   * here if it has a tokenize endpoint, else when it answers.
   *
   * @throws {VlmError} `prompt` if the tokens come back as others; `unsupported` if the text cannot be found.
   */
  async extend(
    prompt: ServerPrompt,
    completion: SampledCompletion,
    messages: readonly Message[],
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<ServerPrompt> {
    const { tokenIds } = completion;
    const text = await this.#textOfTurn(completion, options.signal);
    const added = await wireMessages(messages, prompt.imageCount);
    const start = this.#promptIds.get(prompt)?.length ?? prompt.inputIds?.length ?? null;
    const wire = [...prompt.messages, { role: 'assistant' as const, content: text }, ...added];
    return await this.#withIds(
      {
        messages: wire,
        tools: prompt.tools,
        imageCount: countImages(wire),
        inputIds: null,
        turns: [...prompt.turns, { tokenIds: [...tokenIds], start }],
      },
      options.signal,
    );
  }

  /**
   * One request for each sample, so that a sample depends on its own seed alone; servers share the work on a prompt
   * by their prefix cache.
   *
   * @returns `[prompt][sample]`.
   * @throws {VlmError} `unsupported` if the server gives no token ids or not the log-probabilities that the options
   * need; the message says which option of the server is missing.
   */
  async sample(
    prompts: readonly ServerPrompt[],
    options: SamplingOptions = {},
  ): Promise<Completion[][]> {
    checkSampling(prompts.length, options);
    const { offers, hints, name } = this.#options.dialect;
    if (!offers.tokenIds) throw unsupported(`${name} servers give no token ids.`, hints.tokenIds);
    const isGreedy = options.temperature === 0;
    const isProcessed = this.#options.logprobsMode === 'processed_logprobs';
    const needsScores = !isPlain(options) && isProcessed;
    if (!isPlain(options) && !offers.promptLogprobs) {
      throw unsupported(
        'What the log-probabilities of changed distributions are is not known of this server.',
        hints.processedLogprobs,
      );
    }
    if (!isPlain(options) && !isGreedy && !isProcessed) {
      throw unsupported(
        "The server gives the model's own log-probabilities, and these options sample from another distribution.",
        hints.processedLogprobs,
      );
    }
    return await this.#together(options.signal, (signal) =>
      prompts.map((prompt, promptIndex) =>
        Promise.all(
          Array.from(
            { length: options.seeds?.[promptIndex]?.length ?? options.n ?? 1 },
            (_, sample) =>
              this.#sampleOne(prompt, { ...options, signal }, promptIndex, sample, needsScores),
          ),
        ),
      ),
    );
  }

  /**
   * Answers as text, with whatever else the server gives: for judges and for servers without token ids.
   *
   * @throws {VlmError} As {@link sample}, but for what is missing.
   */
  async chat(prompt: ServerPrompt, options: SamplingOptions = {}): Promise<ServerAnswer[]> {
    checkSampling(1, options);
    return await this.#together(options.signal, (signal) =>
      Array.from({ length: options.seeds?.[0]?.length ?? options.n ?? 1 }, (_, sample) =>
        this.#generate(prompt, { ...options, signal }, 0, sample),
      ),
    );
  }

  /**
   * Log-probabilities of given completions under the model's own distribution, through vLLM's `prompt_logprobs`.
   * Each sequence costs the server a whole pass over its prompt: the prefix cache does not help.
   *
   * @throws {VlmError} `unsupported` for servers without it, and for temperatures and entropies, which need the
   * whole distribution; `prompt` if the server tokenizes a completion in another way than it was sampled.
   */
  async logprobs(
    sequences: readonly Sequence<ServerPrompt>[],
    options: {
      readonly temperature?: number;
      readonly entropy?: boolean;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<TokenLogprobs[]> {
    const { offers, hints } = this.#options.dialect;
    if (!offers.promptLogprobs)
      throw unsupported('The server scores no given text.', hints.promptLogprobs);
    if ((options.temperature ?? 1) !== 1 || options.entropy === true) {
      throw unsupported(
        'Servers score at temperature 1 and give no entropies.',
        'Use a local model (OnnxVlm) for these.',
      );
    }
    for (const [index, { completion }] of sequences.entries()) {
      const bad = completion.find((id) => !Number.isSafeInteger(id) || id < 0);
      if (bad === undefined) continue;
      throw new VlmError(
        'invalid-argument',
        `\`sequences[${index}].completion\` must hold token ids, got ${String(bad)}.`,
      );
    }
    return await this.#together(options.signal, (signal) =>
      sequences.map(async (sequence) => ({
        logprobs: await this.#score(sequence, signal),
        entropies: null,
      })),
    );
  }

  /** Ends what is running with an error. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new VlmError('disposed', `The client of ${this.id} has been disposed.`));
  }

  async #sampleOne(
    prompt: ServerPrompt,
    options: SamplingOptions & { readonly signal: AbortSignal },
    promptIndex: number,
    sample: number,
    needsScores: boolean,
  ): Promise<Completion> {
    const { hints } = this.#options.dialect;
    const where = `Prompt ${promptIndex}, sample ${sample}: `;
    const answer = await this.#generate(prompt, options, promptIndex, sample);
    const { tokenIds, logprobs, text, finishReason, endsTurn } = answer;
    if (tokenIds === null)
      throw unsupported(`${where}the server gave no token ids.`, hints.tokenIds);
    if (logprobs === null) {
      throw unsupported(`${where}the server gave no log-probabilities.`, hints.logprobs);
    }
    if (logprobs.length !== tokenIds.length) {
      throw new VlmError(
        'server',
        `${where}the server gave ${tokenIds.length} tokens and ${logprobs.length} log-probabilities.`,
      );
    }
    this.#texts.remember(tokenIds, { text, endsTurn });
    const given = logprobs.map((value, index) => finiteLogprob(value, tokenIds[index] ?? -1));
    const scored = needsScores
      ? await this.#score(
          { prompt: { ...prompt, turns: [] }, completion: tokenIds },
          options.signal,
        )
      : null;
    return {
      tokenIds,
      text,
      // The most probable token is certain to be taken at temperature 0.
      logprobs: options.temperature === 0 ? tokenIds.map(() => 0) : given,
      modelLogprobs: scored === null ? given : [...scored],
      finishReason,
    };
  }

  async #generate(
    prompt: ServerPrompt,
    options: SamplingOptions & { readonly signal: AbortSignal },
    promptIndex: number,
    sample: number,
  ): Promise<ServerAnswer> {
    const { model, dialect, extraBody } = this.#options;
    const { signal, onToken } = options;
    const body = {
      ...dialect.samplingFields(options, rowSeed(options, promptIndex, sample)),
      ...extraBody,
      model,
      messages: prompt.messages,
      ...(prompt.tools.length === 0 ? {} : { tools: prompt.tools }),
      ...(prompt.tools.length > 0 && dialect.keepsToolCallsAsText ? { tool_choice: 'none' } : {}),
    };
    const path = '/chat/completions';
    const tell = (ids: readonly number[], text: string): void => {
      for (const [index, tokenId] of ids.entries()) {
        const isLast = index === ids.length - 1;
        onToken?.({ prompt: promptIndex, sample, tokenId, text: isLast ? text : '' });
      }
    };
    let answer: ServerAnswer;
    if (onToken !== undefined && dialect.offers.streamedTokenIds) {
      let builder = new AnswerBuilder();
      await this.#client.stream(
        { path, body, schema: chatChunk, signal },
        () => {
          builder = new AnswerBuilder();
        },
        (chunk) => {
          builder.add(chunk);
          const ids = chunk.choices[0]?.token_ids ?? [];
          tell(ids, chunk.choices[0]?.delta.content ?? '');
          return ids.length === 0;
        },
      );
      answer = builder.build();
    } else {
      answer = readAnswer(await this.#client.post({ path, body, schema: chatResponse, signal }));
      tell(answer.tokenIds ?? [], answer.text);
    }
    if (answer.promptIds !== null) {
      checkPromptIds(prompt, answer.promptIds);
      locateTurns(answer.promptIds, prompt.turns);
      this.#promptIds.set(prompt, answer.promptIds);
    }
    return answer;
  }

  async #score(sequence: Sequence<ServerPrompt>, signal: AbortSignal): Promise<Float32Array> {
    return await scoreSequence(sequence, {
      client: this.#client,
      options: this.#options,
      detokenize: (ids, inner) => this.#detokenize(ids, inner),
      remembered: (ids) => this.#texts.find(ids),
      signal,
    });
  }

  async #withIds(prompt: ServerPrompt, signal: AbortSignal | undefined): Promise<ServerPrompt> {
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
      signal: this.#signal(signal),
    });
    if (response === null) return prompt;
    locateTurns(response.tokens, prompt.turns);
    return { ...prompt, inputIds: Int32Array.from(response.tokens) };
  }

  /** The text of a sampled turn, without the token that ends it, which the template writes again. */
  async #textOfTurn(
    { tokenIds, finishReason, text }: SampledCompletion,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const known = text ?? this.#texts.find(tokenIds)?.text;
    if (known !== undefined) return known;
    const ids = finishReason === 'stop' ? tokenIds.slice(0, -1) : tokenIds;
    const found = await this.#detokenize(ids, this.#signal(signal));
    if (found !== null) return found;
    throw unsupported(
      'The text of the completion is not known: it was not sampled by this client, and the server has no `/detokenize`.',
      'Pass the completion with its `text`.',
    );
  }

  async #detokenize(ids: readonly number[], signal?: AbortSignal): Promise<string | null> {
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

  #signal(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined
      ? this.#closing.signal
      : AbortSignal.any([signal, this.#closing.signal]);
  }

  /** Runs requests side by side; when one fails, the others are given up. */
  async #together<T>(
    signal: AbortSignal | undefined,
    start: (signal: AbortSignal) => readonly Promise<T>[],
  ): Promise<T[]> {
    const failure = new AbortController();
    const all = AbortSignal.any([this.#signal(signal), failure.signal]);
    all.throwIfAborted();
    try {
      return await Promise.all(start(all));
    } catch (error) {
      failure.abort(error);
      throw error;
    }
  }
}

function unsupported(what: string, hint: string): VlmError {
  return new VlmError('unsupported', `${what} ${hint}`);
}
