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
import type { ServerAnswer } from './answer.js';
import { checkSampling, isPlain } from './check-sampling.js';
import { generateAnswer } from './generate-answer.js';
import { HttpClient } from './http-client.js';
import { type OpenAiVlmOptions, type ResolvedOptions, resolveOptions } from './options.js';
import { SampledTexts } from './sampled-texts.js';
import { finiteLogprob, scoreSequence } from './score-sequence.js';
import type { ServerPrompt } from './server-prompt.js';
import { ServerTokenizer } from './server-tokenizer.js';
import { countImages, wireMessages } from './wire-messages.js';

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
  readonly #tokenizer: ServerTokenizer;

  /** @throws {VlmError} `invalid-argument`. */
  constructor(options: OpenAiVlmOptions) {
    this.#options = resolveOptions(options);
    this.#client = new HttpClient(this.#options);
    this.#tokenizer = new ServerTokenizer(this.#client, this.#options);
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
    return await this.#tokenizer.withIds(prompt, this.#signal(options.signal));
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
    const signal = this.#signal(options.signal);
    const text = await this.#textOfTurn(completion, signal);
    const added = await wireMessages(messages, prompt.imageCount);
    const start = this.#promptIds.get(prompt)?.length ?? prompt.inputIds?.length ?? null;
    const wire = [...prompt.messages, { role: 'assistant' as const, content: text }, ...added];
    const next = {
      messages: wire,
      tools: prompt.tools,
      imageCount: countImages(wire),
      inputIds: null,
      turns: [...prompt.turns, { tokenIds: [...tokenIds], start }],
    };
    return await this.#tokenizer.withIds(next, signal);
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
      prompts.map((prompt, index) =>
        Promise.all(
          Array.from({ length: countOf(options, index) }, (_, sample) =>
            this.#sampleOne(prompt, options, { prompt: index, sample, signal }, needsScores),
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
      Array.from({ length: countOf(options, 0) }, (_, sample) =>
        this.#generate(prompt, options, { prompt: 0, sample, signal }),
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
    options: SamplingOptions,
    place: { readonly prompt: number; readonly sample: number; readonly signal: AbortSignal },
    needsScores: boolean,
  ): Promise<Completion> {
    const { hints } = this.#options.dialect;
    const where = `Prompt ${place.prompt}, sample ${place.sample}: `;
    const answer = await this.#generate(prompt, options, place);
    const { tokenIds, logprobs, finishReason, endsTurn } = answer;
    if (tokenIds === null) {
      throw unsupported(`${where}the server gave no token ids.`, hints.tokenIds);
    }
    if (logprobs === null) {
      throw unsupported(`${where}the server gave no log-probabilities.`, hints.logprobs);
    }
    if (logprobs.length !== tokenIds.length) {
      throw new VlmError(
        'server',
        `${where}the server gave ${tokenIds.length} tokens and ${logprobs.length} log-probabilities.`,
      );
    }
    const given = logprobs.map((value, index) => finiteLogprob(value, tokenIds[index] ?? -1));
    const text = await this.#rawText(answer, tokenIds, where, place.signal);
    this.#texts.remember(tokenIds, { text, endsTurn });
    const scored = needsScores
      ? await this.#score({ prompt: { ...prompt, turns: [] }, completion: tokenIds }, place.signal)
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

  /** What the tokens say; servers with parsers of their own give only a part of it as text. */
  async #rawText(
    { text, toolCalls, reasoning, endsTurn }: ServerAnswer,
    tokenIds: readonly number[],
    where: string,
    signal: AbortSignal,
  ): Promise<string> {
    if (toolCalls.length === 0 && reasoning === null) return text;
    const spelledOut = endsTurn ? tokenIds.slice(0, -1) : tokenIds;
    const found = await this.#tokenizer.detokenize(spelledOut, signal);
    if (found !== null) return found;
    throw unsupported(
      `${where}the server took tool calls or reasoning out of the text.`,
      this.#options.dialect.hints.rawText,
    );
  }

  async #generate(
    prompt: ServerPrompt,
    options: SamplingOptions,
    place: { readonly prompt: number; readonly sample: number; readonly signal: AbortSignal },
  ): Promise<ServerAnswer> {
    const context = { client: this.#client, options: this.#options, ...place };
    const answer = await generateAnswer(prompt, options, context);
    if (answer.promptIds !== null) this.#promptIds.set(prompt, answer.promptIds);
    return answer;
  }

  async #score(sequence: Sequence<ServerPrompt>, signal: AbortSignal): Promise<Float32Array> {
    return await scoreSequence(sequence, {
      client: this.#client,
      options: this.#options,
      detokenize: (ids) => this.#tokenizer.detokenize(ids, signal),
      remembered: (ids) => this.#texts.find(ids),
      signal,
    });
  }

  /** The text of a sampled turn, without the token that ends it, which the template writes again. */
  async #textOfTurn(
    { tokenIds, finishReason, text }: SampledCompletion,
    signal: AbortSignal,
  ): Promise<string> {
    const known = text ?? this.#texts.find(tokenIds)?.text;
    if (known !== undefined) return known;
    const ids = finishReason === 'stop' ? tokenIds.slice(0, -1) : tokenIds;
    const found = await this.#tokenizer.detokenize(ids, signal);
    if (found !== null) return found;
    throw unsupported(
      'The text of the completion is not known: it was not sampled by this client, and the server has no `/detokenize`.',
      'Pass the completion with its `text`.',
    );
  }

  #signal(signal: AbortSignal | undefined): AbortSignal {
    const closing = this.#closing.signal;
    return signal === undefined ? closing : AbortSignal.any([signal, closing]);
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

/** Samples of one prompt that the options ask for. */
function countOf({ seeds, n }: SamplingOptions, prompt: number): number {
  return seeds?.[prompt]?.length ?? n ?? 1;
}

function unsupported(what: string, hint: string): VlmError {
  return new VlmError('unsupported', `${what} ${hint}`);
}
