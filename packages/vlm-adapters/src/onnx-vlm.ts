import {
  chooseBranches,
  type OnnxModel,
  readModel,
  useFloatActivations,
} from '@iapo/onnx-autograd';
import type { ModelConfig } from './encode/model-config.js';
import { folderFiles } from './encode/model-files.js';
import { PromptProcessor } from './encode/prompt-processor.js';
import { AdapterSlot } from './engine/adapter-slot.js';
import { Decoder } from './engine/decoder.js';
import { type EmbeddingStatistics, EmbeddingTable } from './engine/embedding-table.js';
import { textModules } from './engine/linear-modules.js';
import { weightBytes } from './engine/model-bytes.js';
import { promptEmbeddings } from './engine/prompt-rows.js';
import { inRuntime } from './engine/runtime-errors.js';
import { Sampler } from './engine/sampler.js';
import { Scorer, type ScorerParts, type ScoringOptions } from './engine/scorer.js';
import { VisionEncoder } from './engine/vision-encoder.js';
import { TrainableWeights } from './engine/weights.js';
import { VlmError } from './errors.js';
import type { ModelFamily } from './families/family.js';
import { type Dtype, dtypes, findGraphFiles, type GraphName } from './load/graph-files.js';
import { type LocateOptions, locateModel } from './load/locate-model.js';
import { sessionLanes } from './load/session-lanes.js';
import {
  type Adapter,
  initializeAdapter,
  type LinearModule,
  type LoraOptions,
  readAdapter,
} from './lora/index.js';
import type {
  BackwardOptions,
  BackwardResults,
  BackwardTarget,
  EmbeddingVariants,
} from './types/backward.js';
import type { Message, ToolDefinition } from './types/message.js';
import type { Capabilities, Completion, SamplingOptions, TokenLogprobs } from './types/model.js';
import type { EncodedPrompt, PreparedPrompt, Sequence } from './types/prompt.js';

/** Options of {@link OnnxVlm.load}. */
export interface LoadOptions
  extends Pick<
    LocateOptions,
    'revision' | 'cacheDir' | 'localFilesOnly' | 'onProgress' | 'signal'
  > {
  /** Number format of the graphs: for all, or by graph. Default `'fp32'`. */
  readonly dtype?: Dtype | Partial<Record<GraphName, Dtype>>;
  /** Folder of the graphs inside the model's. Default `'onnx'`. */
  readonly subfolder?: string;
  /** Where nodes run, most wanted first. Default `['cpu']`. */
  readonly executionProviders?: readonly string[];
  /** A new LoRA adapter, as PEFT initializes it. Default: none. */
  readonly lora?: LoraOptions;
  /** Folder of an adapter in PEFT's files. Default: none. */
  readonly adapter?: string;
  /**
   * What is trained besides an adapter: `'weights'` makes all float32 weights of the three graphs parameters, fed
   * with each run, for small models. Default `'adapter'`.
   */
  readonly trainable?: 'adapter' | 'weights';
  /** Bytes that activations may take, of all batches that run at the same time, weights apart. Default 2 GiB. */
  readonly memoryBudget?: number;
  /**
   * Run in a thread of its own, so that timers, servers and Ctrl-C stay alive; a number: in so many, among which
   * the batches of a call are divided. Small models, whose operators are too short to be divided, are much faster
   * so; the sampler's copy of the weights is made for each. Gradients are equal to the last bit for an equal
   * number. Default true (one); for a decoder of up to 64 MiB on the CPU, if `threads` is not given either, the
   * number of cores, at most 4.
   */
  readonly worker?: boolean | number;
  /** Threads inside one operator. Default: the number of cores, divided by that of `worker`. */
  readonly threads?: number;
  /** Families to choose from. Default: `modelFamilies`. */
  readonly families?: Readonly<Record<string, ModelFamily>>;
}

const defaultMemoryBudget = 2 * 2 ** 30;

/**
 * A Hugging Face vision-language model in transformers.js's ONNX layout that scores and differentiates.
 *
 * @example
 * await using model = await OnnxVlm.load('models/Qwen2.5-VL-3B-Instruct', { dtype: 'q4', lora: { r: 8, targetModules: 'all-linear' } });
 * const prompt = await model.encode([{ role: 'user', content: [{ type: 'image', image: 'chart.png' }, { type: 'text', text: 'Which bar is highest?' }] }]);
 */
export class OnnxVlm {
  readonly id: string;
  readonly dtype: string;
  readonly config: ModelConfig;
  readonly family: ModelFamily;
  readonly capabilities: Capabilities = {
    sample: true,
    logprobs: true,
    gradients: true,
    adapters: true,
  };
  readonly padTokenId: number;
  readonly #processor: PromptProcessor;
  readonly #table: EmbeddingTable;
  readonly #vision: VisionEncoder;
  readonly #decoder: Decoder;
  readonly #slot: AdapterSlot;
  readonly #weights: Readonly<Record<GraphName, TrainableWeights>>;
  readonly #scorer: Scorer;
  readonly #sampler: Sampler;
  #isDisposed = false;

  private constructor(
    id: string,
    dtype: string,
    processor: PromptProcessor,
    parts: ScorerParts & { readonly sampler: Sampler },
  ) {
    this.id = id;
    this.dtype = dtype;
    this.#processor = processor;
    this.config = processor.config;
    this.family = processor.family;
    this.padTokenId = this.config.padTokenId ?? this.config.eosTokenIds[0] ?? 0;
    this.#table = parts.table;
    this.#vision = parts.vision;
    this.#decoder = parts.decoder;
    this.#slot = parts.slot;
    this.#weights = parts.weights;
    this.#scorer = new Scorer(parts);
    this.#sampler = parts.sampler;
  }

  /**
   * Loads a model in the layout of transformers.js: from a local folder, or by its name on the hub, from the cache
   * of transformers.js or into it. With `HF_HUB_OFFLINE=1` not one request is made.
   *
   * @throws {VlmError} `model-file`, `unknown-family`, `download`, `adapter` or `invalid-argument`.
   */
  static async load(idOrFolder: string | URL, options: LoadOptions = {}): Promise<OnnxVlm> {
    const { dtype = 'fp32', subfolder = 'onnx', memoryBudget = defaultMemoryBudget } = options;
    checkDtype(dtype);
    if (!(memoryBudget > 0))
      throw new VlmError(
        'invalid-argument',
        `\`memoryBudget\` must be positive, got ${memoryBudget}.`,
      );
    options.signal?.throwIfAborted();
    const {
      folder: root,
      id,
      hubName,
    } = await locateModel(idOrFolder, { ...options, subfolder, dtype });
    const files = { ...folderFiles(root), id };
    const processor = await PromptProcessor.load(
      files,
      options.families === undefined ? {} : { families: options.families },
    );
    const { config, family } = processor;
    const paths = await findGraphFiles(root, subfolder, dtype);
    const merged = readGraph(paths.decoder_model_merged);
    const graphs = {
      embed_tokens: readGraph(paths.embed_tokens),
      vision_encoder: readGraph(paths.vision_encoder),
      decoder_model_merged: useFloatActivations(chooseBranches(merged)),
    };
    const lanes = sessionLanes(options, weightBytes(merged));
    const [session] = lanes;
    const weightsOf = (graph: GraphName): TrainableWeights =>
      options.trainable === 'weights'
        ? TrainableWeights.of(graph, graphs[graph])
        : TrainableWeights.none(graph);
    const weights = {
      embed_tokens: weightsOf('embed_tokens'),
      vision_encoder: weightsOf('vision_encoder'),
      decoder_model_merged: weightsOf('decoder_model_merged'),
    };
    const slot = new AdapterSlot(textModules(graphs.decoder_model_merged, family.modules));
    slot.set(await chosenAdapter(options, slot, hubName));
    options.signal?.throwIfAborted();
    const { hiddenSize: hidden, vocabSize: vocabulary } = config;
    const table = await inRuntime('Loading the embedding table', () =>
      EmbeddingTable.create(
        graphs.embed_tokens,
        { hidden, vocabulary },
        weights.embed_tokens,
        session,
      ),
    );
    const vision = await inRuntime('Loading the vision encoder', () =>
      VisionEncoder.create(graphs.vision_encoder, weights.vision_encoder, {
        family,
        hidden,
        session,
      }),
    );
    const decoder = new Decoder(graphs.decoder_model_merged, config, {
      deepstackInput: family.deepstack?.decoderInput ?? null,
      weights: weights.decoder_model_merged,
      lanes,
    });
    await decoder.setBranches(slot.branches);
    const sampler = new Sampler({
      processor,
      table,
      decodingModel: () => {
        const branches = { use_cache_branch: true };
        const model = useFloatActivations(chooseBranches(merged, branches));
        const outputs = new Map(
          textModules(model, family.modules).map(({ module, output }) => [module, output]),
        );
        const modules = new Map(slot.modules.map(({ module, output }) => [output, module]));
        return decoder.withParameters(
          model,
          (output) => outputs.get(modules.get(output) ?? '') ?? output,
        );
      },
      lanes,
    });
    const name = typeof dtype === 'string' ? dtype : (dtype.decoder_model_merged ?? 'fp32');
    return new OnnxVlm(files.id, name, processor, {
      config,
      table,
      vision,
      decoder,
      slot,
      weights,
      memoryBudget,
      sampler,
    });
  }

  /** The adapter with its live matrices; `null` without one. */
  get adapter(): Adapter | null {
    return this.#slot.adapter;
  }

  /** Layers that an adapter can change. */
  get linearModules(): readonly LinearModule[] {
    return this.#slot.modules;
  }

  /** Takes an adapter in place of the one before. @throws {VlmError} `adapter` if it does not fit. */
  async setAdapter(adapter: Adapter | null): Promise<void> {
    this.#check();
    this.#slot.set(adapter);
    await this.#decoder.setBranches(this.#slot.branches);
    await this.#sampler.dispose();
  }

  /**
   * The live trainable arrays, which an optimizer changes in place: an adapter's matrices by PEFT's key, or weights
   * as `<graph>/<initializer>`.
   */
  parameters(): Record<string, Float32Array> {
    return {
      ...this.#slot.parameters(),
      ...this.#weights.embed_tokens.parameters(),
      ...this.#weights.vision_encoder.parameters(),
      ...this.#weights.decoder_model_merged.parameters(),
    };
  }

  /** To be called after an update: features of pictures are computed again if the encoder is trained. */
  parametersChanged(): void {
    if (this.#weights.vision_encoder.names.length > 0) this.#vision.clear();
  }

  /**
   * Encodes a conversation up to the header of the assistant's turn, with the pictures' features.
   *
   * @throws {VlmError} `prompt`, `image`, `image-tokens` or `context-length`, before any work.
   */
  async encode(
    messages: readonly Message[],
    options: { readonly tools?: readonly ToolDefinition[] } = {},
  ): Promise<EncodedPrompt> {
    this.#check();
    return this.#withFeatures(await this.#processor.prepare(messages, options));
  }

  /** Runs the vision encoder on the feeds of a prompt's pictures, as they are now. */
  async encodeImages(prompt: PreparedPrompt): Promise<EncodedPrompt> {
    this.#check();
    return this.#withFeatures(prompt);
  }

  /** The next turn: tokens that were sampled stay as they are, and the new messages follow. */
  async extend(
    prompt: EncodedPrompt,
    completion: Pick<Completion, 'tokenIds'>,
    messages: readonly Message[],
  ): Promise<EncodedPrompt> {
    this.#check();
    return this.#withFeatures(
      await this.#processor.prepareNextTurn(prompt, completion, messages),
      new Map(prompt.images.map((image) => [image.hash, image])),
    );
  }

  /** Tokens of a text, in which nothing is taken for a special token. */
  tokenize(text: string): number[] {
    return [...this.#processor.tokenize(text)];
  }

  /** Text of tokens, special ones included. */
  decode(ids: readonly number[]): string {
    return this.#processor.decode(ids);
  }

  /**
   * Samples `n` completions after each prompt. The same seed gives the same tokens, whatever else is sampled in the
   * same call. Nothing is taken from `generation_config.json` unless asked.
   *
   * @returns `[prompt][sample]`
   * @throws {VlmError} `invalid-argument` or `context-length`, before any work; the signal's reason when aborted.
   */
  async sample(
    prompts: readonly EncodedPrompt[],
    options: SamplingOptions & { readonly adapter?: boolean } = {},
  ): Promise<Completion[][]> {
    this.#check();
    const parameters = {
      ...this.#slot.feeds(options.adapter ?? true),
      ...this.#weights.decoder_model_merged.feeds(),
    };
    return this.#sampler.sample(prompts, options, parameters);
  }

  /**
   * Log-probabilities of each sequence's sampled tokens: of earlier turns, then of the completion.
   *
   * @returns `[sequence]`, in nats.
   * @throws {VlmError} `image-tokens`, `context-length` or `invalid-argument`, before any work.
   */
  async logprobs(
    sequences: readonly Sequence[],
    options: ScoringOptions = {},
  ): Promise<TokenLogprobs[]> {
    this.#check();
    return this.#scorer.logprobs(sequences, options);
  }

  /**
   * The vector–Jacobian product: gradients of Σ c_t · log p_t over the sampled tokens of all sequences.
   *
   * @param cotangents `[sequence][scored]`: c_t, in the order of {@link logprobs}.
   * @throws {VlmError} `invalid-argument` or `not-finite` for cotangents that do not fit, before any work.
   */
  async backward<Target extends BackwardTarget>(
    sequences: readonly Sequence[],
    cotangents: readonly Float32Array[],
    options: BackwardOptions & { readonly wrt: Target },
  ): Promise<BackwardResults[Target]> {
    this.#check();
    return this.#scorer.backward(sequences, cotangents, options);
  }

  /** `[N, T]`: log-probabilities of one completion after variants of its prompt's embeddings. */
  async embeddingLogprobs(batch: EmbeddingVariants): Promise<Float32Array> {
    this.#check();
    return this.#scorer.embeddingLogprobs(batch);
  }

  /** As {@link embeddingLogprobs}, with the gradient of Σ_t weights[n, t] · log p_t in each variant, `[N, P, H]`. */
  async gradients(
    batch: EmbeddingVariants & { readonly weights: Float64Array },
  ): Promise<{ logprobs: Float32Array; gradients: Float32Array }> {
    this.#check();
    return this.#scorer.gradients(batch);
  }

  /** `[P, H]`: what the decoder sees of a prompt. */
  async embed(
    prompt: EncodedPrompt,
  ): Promise<{ embeddings: Float32Array; tokens: number; hiddenSize: number }> {
    this.#check();
    const { hiddenSize, imageTokenId } = this.config;
    const embeddings = await promptEmbeddings(prompt, this.#table, hiddenSize, imageTokenId);
    return { embeddings, tokens: prompt.inputIds.length, hiddenSize };
  }

  /** `[ids, H]`: rows of the embedding table. */
  async embedTokens(ids: readonly number[]): Promise<Float32Array> {
    this.#check();
    return (await this.#table.rows(ids)).slice();
  }

  /** Mean row of the embedding table, and the median of the rows' norms. */
  async embeddingStatistics(): Promise<EmbeddingStatistics> {
    this.#check();
    return this.#table.statistics();
  }

  /** Gives the native memory back. Doing so twice does nothing more. */
  async dispose(): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    await this.#sampler.dispose();
    await this.#decoder.dispose();
    await this.#vision.dispose();
    await this.#table.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  #check(): void {
    if (this.#isDisposed)
      throw new VlmError('disposed', `The model ${this.id} was disposed; load it again.`);
  }

  async #withFeatures(
    prepared: PreparedPrompt,
    known: ReadonlyMap<
      string,
      Pick<EncodedPrompt['images'][number], 'features' | 'deepstack'>
    > = new Map(),
  ): Promise<EncodedPrompt> {
    const images = [];
    for (const image of prepared.images) {
      const features = known.get(image.hash);
      if (features !== undefined)
        images.push({ ...image, features: features.features, deepstack: features.deepstack });
      else images.push(...(await this.#vision.encode([image])));
    }
    return { ...prepared, images };
  }
}

function checkDtype(dtype: LoadOptions['dtype']): void {
  const given = typeof dtype === 'object' ? Object.values(dtype) : [dtype];
  for (const one of given) {
    if (typeof one !== 'string' || !dtypes.includes(one))
      throw new VlmError(
        'invalid-argument',
        `\`dtype\` must be one of ${dtypes.join(', ')}, got ${one}.`,
      );
  }
}

function readGraph(path: string): OnnxModel {
  try {
    return readModel(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new VlmError('model-file', `${path} cannot be read: ${reason}`, { cause: error });
  }
}

async function chosenAdapter(
  options: LoadOptions,
  slot: AdapterSlot,
  baseModel: string | null,
): Promise<Adapter | null> {
  if (options.adapter !== undefined && options.lora !== undefined)
    throw new VlmError('invalid-argument', 'Give `lora` or `adapter`, not both.');
  if (options.adapter !== undefined) return readAdapter(options.adapter);
  return options.lora === undefined
    ? null
    : initializeAdapter(slot.modules, options.lora, baseModel);
}
