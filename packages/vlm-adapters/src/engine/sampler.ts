import {
  createSession,
  keepOutputs,
  type OnnxModel,
  type Session,
  type SessionOptions,
} from '@iapo/onnx-autograd';
import type { PromptProcessor } from '../encode/prompt-processor.js';
import { VlmError } from '../errors.js';
import { decode } from '../sampling/decode.js';
import type { DecodePrompt } from '../sampling/decode-options.js';
import { type DecoderDescription, describeDecoder } from '../sampling/decoder-description.js';
import { prepareDecodingModel } from '../sampling/decoding-model.js';
import type { StreamKey } from '../sampling/random-stream.js';
import { samplingSettings } from '../sampling/sampling-settings.js';
import type { Completion, SamplingOptions } from '../types/model.js';
import type { EncodedPrompt } from '../types/prompt.js';
import type { EmbeddingTable } from './embedding-table.js';
import { weightBytes } from './model-bytes.js';
import type { Parameters } from './parameters.js';
import { deepstackRows, promptEmbeddings } from './prompt-rows.js';
import { inRuntime } from './runtime-errors.js';

/**
 * Weights up to this size are copied into the layout of their kernels for decoding, which makes single steps
 * faster by a third; larger ones stay in their mapped files.
 */
const largestCopy = 4 * 2 ** 30;

const defaultNewTokens = 256;

interface Loaded {
  /** One a lane. */
  readonly sessions: readonly [Session, ...Session[]];
  readonly description: DecoderDescription;
}

/** Samples completions: encodes prompts for the decode loop and reads its rows. */
export class Sampler {
  readonly #processor: PromptProcessor;
  readonly #table: EmbeddingTable;
  readonly #decodingModel: () => OnnxModel;
  readonly #lanes: readonly [SessionOptions, ...SessionOptions[]];
  #loaded: Promise<Loaded> | undefined;

  constructor(parts: {
    readonly processor: PromptProcessor;
    readonly table: EmbeddingTable;
    /** The decoder with past, with inputs for all parameters. */
    readonly decodingModel: () => OnnxModel;
    /** Options of the sessions that run side by side. */
    readonly lanes: readonly [SessionOptions, ...SessionOptions[]];
  }) {
    this.#processor = parts.processor;
    this.#table = parts.table;
    this.#decodingModel = parts.decodingModel;
    this.#lanes = parts.lanes;
  }

  async sample(
    prompts: readonly EncodedPrompt[],
    options: SamplingOptions,
    parameters: Parameters,
  ): Promise<Completion[][]> {
    const { config } = this.#processor;
    const chosen = withDefaults(options, config.generation);
    const { maxNewTokens = defaultNewTokens, stop = [], onToken, signal } = chosen;
    const settings = samplingSettings({
      temperature: chosen.temperature,
      topP: chosen.topP,
      topK: chosen.topK,
      minP: chosen.minP,
      repetitionPenalty: chosen.repetitionPenalty,
      // A model may sample an image placeholder by itself; no picture would belong to it.
      forbidden: [config.imageTokenId],
    });
    const streams = streamsOf(prompts.length, chosen);
    this.#checkLengths(prompts, maxNewTokens);
    signal?.throwIfAborted();
    const {
      sessions: [session, ...moreSessions],
      description,
    } = await this.#load();
    const rows: DecodePrompt[] = [];
    for (const [index, prompt] of prompts.entries()) {
      const { hiddenSize, imageTokenId } = config;
      rows.push({
        inputsEmbeds: await promptEmbeddings(prompt, this.#table, hiddenSize, imageTokenId),
        positions: description.planes === 0 ? [] : prompt.positionIds,
        nextPosition: prompt.nextPosition,
        // An export without that input leaves these features out, when it scores as when it samples.
        deepstack:
          description.deepstack === null
            ? null
            : deepstackRows(prompt, prompt.inputIds.length, hiddenSize),
        tokenIds: prompt.inputIds,
        streams: streams[index] ?? [],
      });
    }
    const stopTokens = [
      ...config.eosTokenIds,
      ...stop.filter((entry): entry is number => typeof entry === 'number'),
    ];
    const known = new Set(description.parameters);
    const decoded = await decode(session, description, rows, {
      settings,
      maxNewTokens,
      moreSessions,
      embed: (ids) => this.#table.rows(ids),
      stopTokens,
      stopStrings: stop.filter((entry): entry is string => typeof entry === 'string'),
      decodeText: (ids) => this.#processor.decode(ids),
      parameters: Object.fromEntries(
        Object.entries(parameters).filter(([name]) => known.has(name)),
      ),
      ...(onToken === undefined
        ? {}
        : {
            onToken: (event) =>
              onToken({ ...event, text: this.#processor.tokenText(event.tokenId) }),
          }),
      signal,
    });
    const ends = new Set(stopTokens);
    return decoded.map((samples) =>
      samples.map((row) => {
        const last = row.tokenIds.at(-1);
        const isEnded = last !== undefined && ends.has(last);
        const said = isEnded ? row.tokenIds.slice(0, -1) : row.tokenIds;
        return { ...row, text: this.#processor.decode(said) };
      }),
    );
  }

  async dispose(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = undefined;
    const [result] = await Promise.allSettled([loaded]);
    if (result?.status === 'fulfilled') {
      for (const session of result.value?.sessions ?? []) await session.dispose();
    }
  }

  #load(): Promise<Loaded> {
    this.#loaded ??= inRuntime('Preparing the decoder', async () => {
      const { config } = this.#processor;
      const { keyValueHeads, headSize } = config;
      const sizes = { keyValueHeads, headSize };
      const model = prepareDecodingModel(this.#decodingModel(), sizes);
      const wanted = model.graph.outputs
        .map(({ name }) => name)
        .filter((name) => name === 'logits' || name.startsWith('present.'));
      const graph = keepOutputs(model, wanted);
      const description = describeDecoder(graph, sizes);
      const isSmall = weightBytes(graph) <= largestCopy;
      const load = (lane: SessionOptions): Promise<Session> =>
        createSession(graph, { ...lane, ...(isSmall ? { shareWeights: false } : {}) });
      const [first, ...more] = this.#lanes;
      const sessions = [await load(first)] as [Session, ...Session[]];
      for (const lane of more) sessions.push(await load(lane));
      return { sessions, description };
    });
    this.#loaded.catch(() => {
      this.#loaded = undefined;
    });
    return this.#loaded;
  }

  #checkLengths(prompts: readonly EncodedPrompt[], maxNewTokens: number): void {
    const { maxPositions } = this.#processor.config;
    for (const [index, { inputIds }] of prompts.entries()) {
      if (inputIds.length + maxNewTokens > maxPositions) {
        throw new VlmError(
          'context-length',
          `Prompt ${index} has ${inputIds.length} tokens, \`maxNewTokens\` is ${maxNewTokens} and the model's context ${maxPositions}: shorten one of them.`,
        );
      }
    }
  }
}

/** `generation_config.json` fills in what is not given, if the caller wants that. */
function withDefaults(
  options: SamplingOptions,
  generation: Readonly<Record<string, unknown>>,
): SamplingOptions {
  if (options.useGenerationConfig !== true) return options;
  const number = (name: string): number | undefined => {
    const value = generation[name];
    return typeof value === 'number' ? value : undefined;
  };
  const isGreedy = generation['do_sample'] === false;
  const defaults = {
    temperature: isGreedy ? 0 : number('temperature'),
    topP: number('top_p'),
    topK: number('top_k'),
    minP: number('min_p'),
    repetitionPenalty: number('repetition_penalty'),
    maxNewTokens: number('max_new_tokens'),
  };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const known = Object.entries(defaults).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(known), ...Object.fromEntries(given) };
}

function streamsOf(prompts: number, { n = 1, seed = 0, seeds }: SamplingOptions): StreamKey[][] {
  if (seeds !== undefined) {
    if (seeds.length !== prompts) {
      throw new VlmError(
        'invalid-argument',
        `\`seeds\` must have one list for each of the ${prompts} prompts, got ${seeds.length}.`,
      );
    }
    return seeds.map((own) => own.map((rowSeed) => ({ rowSeed })));
  }
  if (!Number.isSafeInteger(n) || n < 1)
    throw new VlmError('invalid-argument', `\`n\` must be a whole number from 1, got ${n}.`);
  return Array.from({ length: prompts }, (_, prompt) =>
    Array.from({ length: n }, (__, sample) => ({ seed, prompt, sample })),
  );
}
