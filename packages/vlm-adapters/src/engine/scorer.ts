import type { ModelConfig } from '../encode/model-config.js';
import { VlmError } from '../errors.js';
import type { GraphName } from '../load/graph-files.js';
import type {
  BackwardOptions,
  BackwardResults,
  BackwardTarget,
  EmbeddingVariants,
} from '../types/backward.js';
import type { TokenLogprobs } from '../types/model.js';
import type { Sequence } from '../types/prompt.js';
import type { AdapterSlot } from './adapter-slot.js';
import { checkCotangents } from './check-cotangents.js';
import type { Decoder } from './decoder.js';
import type { DecoderRow } from './decoder-feeds.js';
import type { EmbeddingTable } from './embedding-table.js';
import {
  adapterCollector,
  embeddingCollector,
  type GradientCollector,
  pixelCollector,
  weightCollector,
} from './gradient-collectors.js';
import {
  forwardBytes,
  gradientBytes,
  type ModelSize,
  microBatches,
  type RowSize,
} from './micro-batches.js';
import type { ScoredTokens } from './scored-tokens.js';
import { checkSequences, sequenceRow } from './sequence-rows.js';
import { inLanes } from './side-by-side.js';
import type { VisionEncoder } from './vision-encoder.js';
import type { TrainableWeights } from './weights.js';

export interface ScoringOptions {
  /** Logits are divided by it. Default 1. */
  readonly temperature?: number;
  /** Also give the entropy of each token's distribution. Default false. */
  readonly entropy?: boolean;
  /** `false` switches the adapter off: the reference policy. Default true. */
  readonly adapter?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** What scoring needs of a loaded model. */
export interface ScorerParts {
  readonly config: ModelConfig;
  readonly table: EmbeddingTable;
  readonly decoder: Decoder;
  readonly vision: VisionEncoder;
  readonly slot: AdapterSlot;
  readonly weights: Readonly<Record<GraphName, TrainableWeights>>;
  /** Bytes that activations may take, of all batches that run at the same time. */
  readonly memoryBudget: number;
}

/** Log-probabilities and their gradients, in batches that fit the memory budget. */
export class Scorer {
  readonly config: ModelConfig;
  readonly #table: EmbeddingTable;
  readonly #decoder: Decoder;
  readonly #vision: VisionEncoder;
  readonly #slot: AdapterSlot;
  readonly #weights: Readonly<Record<GraphName, TrainableWeights>>;
  /** Of one batch. */
  readonly #budget: number;
  readonly #size: ModelSize;
  #nextLane = 0;

  constructor({ config, table, decoder, vision, slot, weights, memoryBudget }: ScorerParts) {
    this.#vision = vision;
    this.#weights = weights;
    this.config = config;
    this.#table = table;
    this.#decoder = decoder;
    this.#slot = slot;
    this.#budget = memoryBudget / decoder.lanes;
    this.#size = {
      layers: config.layers,
      hidden: config.hiddenSize,
      heads: config.attentionHeads,
      intermediate: Math.max(...slot.modules.map(({ outFeatures }) => outFeatures), 0),
      vocabulary: config.vocabSize,
    };
  }

  /**
   * Log-probabilities of each sequence's sampled tokens: of earlier turns, then of the completion.
   *
   * @returns `[sequence]`, in nats.
   */
  async logprobs(
    sequences: readonly Sequence[],
    options: ScoringOptions = {},
  ): Promise<TokenLogprobs[]> {
    const { temperature = 1, entropy = false, adapter = true, signal } = options;
    checkTemperature(temperature);
    const scored = checkSequences(sequences, this.config);
    const results: TokenLogprobs[] = [];
    const bytes = (row: RowSize): number => forwardBytes(this.#size, row);
    const parameters = this.#slot.feeds(adapter);
    await this.#inLanes(this.#batches(sizesOf(sequences, scored), bytes), {
      signal,
      run: async (batch, lane) => {
        const rows = await this.#rows(sequences, scored, batch);
        return this.#decoder.score({ rows, temperature, entropy, parameters }, lane);
      },
      add: (batch, scores) => {
        for (const [index, range] of ranges(batch, scored)) {
          results[index] = {
            logprobs: scores.logprobs.slice(...range),
            entropies: scores.entropies?.slice(...range) ?? null,
          };
        }
      },
    });
    return results;
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
    const { wrt, temperature = 1, entropyCotangents = null, signal } = options;
    checkTemperature(temperature);
    const scored = checkSequences(sequences, this.config);
    checkCotangents('cotangents', cotangents, scored);
    if (entropyCotangents !== null) checkCotangents('entropyCotangents', entropyCotangents, scored);
    const collector = this.#collector(wrt, sequences);
    const logprobs: Float32Array[] = [];
    const { batches, checkpoints } = this.#planGradients(sizesOf(sequences, scored));
    const parameters = this.#slot.feeds(true);
    await this.#inLanes(batches, {
      signal,
      run: async (batch, lane) => {
        const request = {
          rows: await this.#rows(sequences, scored, batch),
          temperature,
          parameters,
          cotangents: joined(batch, cotangents),
          entropyCotangents: entropyCotangents === null ? null : joined(batch, entropyCotangents),
          wrt: collector.wrt,
          checkpoints,
        };
        return this.#decoder.gradients(request, lane);
      },
      add: async (batch, result) => {
        for (const [index, range] of ranges(batch, scored))
          logprobs[index] = result.logprobs.slice(...range);
        await collector.add(batch, result.gradients);
      },
    });
    checkFinite(logprobs);
    // The collector was chosen by `wrt`, which TypeScript cannot follow through a table.
    return { logprobs, gradients: collector.result() } as BackwardResults[Target];
  }

  /** `[N, T]`: log-probabilities of one completion after variants of its prompt's embeddings. */
  async embeddingLogprobs(batch: EmbeddingVariants): Promise<Float32Array> {
    const { rows, scored } = await this.#variants(batch);
    const length = batch.tokens + batch.completion.length;
    const size = { length, scored: batch.completion.length };
    const results = new Float32Array(batch.count * batch.completion.length);
    const bytes = (row: RowSize): number => forwardBytes(this.#size, row);
    const count = scored.ids.length;
    await this.#inLanes(this.#batches(Array(batch.count).fill(size), bytes), {
      signal: batch.signal,
      run: (part, lane) => {
        const request = {
          rows: part.map((index) => rows(index)),
          temperature: 1,
          entropy: false,
          parameters: this.#slot.feeds(true),
        };
        return this.#decoder.score(request, lane);
      },
      add: (part, scores) => {
        for (const [row, index] of part.entries())
          results.set(scores.logprobs.subarray(row * count, (row + 1) * count), index * count);
      },
    });
    return results;
  }

  /** As {@link embeddingLogprobs}, with the gradient of Σ_t weights[n, t] · log p_t in each variant, `[N, P, H]`. */
  async gradients(
    batch: EmbeddingVariants & { readonly weights: Float64Array },
  ): Promise<{ logprobs: Float32Array; gradients: Float32Array }> {
    const { rows, scored } = await this.#variants(batch);
    const count = batch.completion.length;
    const length = batch.tokens + count;
    const own = batch.tokens * batch.hiddenSize;
    const logprobs = new Float32Array(batch.count * count);
    const gradients = new Float32Array(batch.count * own);
    const sizes = Array(batch.count).fill({ length, scored: scored.ids.length });
    const { batches, checkpoints } = this.#planGradients(sizes);
    await this.#inLanes(batches, {
      signal: batch.signal,
      run: (part, lane) => {
        const weights = part.map((index) =>
          Float32Array.from(batch.weights.subarray(index * count, (index + 1) * count)),
        );
        const request = {
          rows: part.map((index) => rows(index)),
          temperature: 1,
          parameters: this.#slot.feeds(true),
          cotangents: joined([...weights.keys()], weights),
          entropyCotangents: null,
          wrt: ['inputs_embeds'],
          checkpoints,
        };
        return this.#decoder.gradients(request, lane);
      },
      add: (part, result) => {
        const all = result.gradients.get('inputs_embeds') ?? new Float32Array(0);
        const stride = all.length / part.length;
        for (const [row, index] of part.entries()) {
          logprobs.set(result.logprobs.subarray(row * count, (row + 1) * count), index * count);
          gradients.set(all.subarray(row * stride, row * stride + own), index * own);
        }
      },
    });
    return { logprobs, gradients };
  }

  #collector(wrt: BackwardTarget, sequences: readonly Sequence[]): GradientCollector {
    const { hiddenSize: hidden } = this.config;
    switch (wrt) {
      case 'adapter':
        return adapterCollector(Object.keys(this.#slot.parameters()));
      case 'promptEmbeddings':
        return embeddingCollector(sequences, hidden);
      case 'pixelValues':
        return pixelCollector(sequences, hidden, this.#vision);
      case 'weights':
        return weightCollector(sequences, hidden, {
          decoder: this.#weights.decoder_model_merged,
          table: { weights: this.#weights.embed_tokens, rows: this.#table },
          vision: { weights: this.#weights.vision_encoder, encoder: this.#vision },
        });
      default:
        throw new VlmError(
          'invalid-argument',
          `\`wrt\` must be "adapter", "weights", "promptEmbeddings" or "pixelValues", got "${String(wrt)}".`,
        );
    }
  }

  async #rows(
    sequences: readonly Sequence[],
    scored: readonly ScoredTokens[],
    batch: readonly number[],
  ): Promise<DecoderRow[]> {
    const rows: DecoderRow[] = [];
    for (const index of batch) {
      const [sequence, tokens] = [sequences[index], scored[index]];
      if (sequence !== undefined && tokens !== undefined)
        rows.push(await sequenceRow(sequence, tokens, this.#table, this.config));
    }
    return rows;
  }

  #inLanes<Result>(
    batches: readonly (readonly number[])[],
    work: {
      readonly run: (batch: readonly number[], lane: number) => Promise<Result>;
      readonly add: (batch: readonly number[], result: Result) => Promise<void> | void;
      readonly signal: AbortSignal | undefined;
    },
  ): Promise<void> {
    const { lanes } = this.#decoder;
    // Calls of a single batch that run at the same time take different lanes.
    const first = this.#nextLane++;
    return inLanes(batches, lanes, {
      ...work,
      run: (batch, lane) => work.run(batch, (first + lane) % lanes),
    });
  }

  #batches(rows: readonly RowSize[], bytes: (row: RowSize) => number): number[][] {
    return microBatches(rows, this.#budget, bytes, this.#decoder.lanes);
  }

  /** Keeps activations where one row fits so; else recomputes them in all batches. */
  #planGradients(sizes: readonly RowSize[]): {
    batches: number[][];
    checkpoints: boolean;
  } {
    const checkpoints = sizes.some((row) => gradientBytes(this.#size, row, false) > this.#budget);
    const bytes = (row: RowSize): number => gradientBytes(this.#size, row, checkpoints);
    return { batches: this.#batches(sizes, bytes), checkpoints };
  }

  async #variants(
    batch: EmbeddingVariants,
  ): Promise<{ rows: (index: number) => DecoderRow; scored: ScoredTokens }> {
    if (batch.quantity !== 'logprob' || batch.mask !== undefined) {
      throw new VlmError(
        'unsupported',
        'Variants of embeddings are scored by log-probability and without a mask.',
      );
    }
    const { prompt, completion, tokens, hiddenSize } = batch;
    const own = tokens * hiddenSize;
    if (tokens !== prompt.inputIds.length || batch.embeddings.length !== batch.count * own) {
      throw new VlmError(
        'invalid-argument',
        `\`embeddings\` must be [${batch.count}, ${prompt.inputIds.length}, ${this.config.hiddenSize}], got ${batch.embeddings.length} numbers for ${tokens} tokens.`,
      );
    }
    const bare = { prompt: { ...prompt, sampled: new Uint8Array(tokens) }, completion };
    const [scored] = checkSequences([bare], this.config);
    if (scored === undefined) throw new VlmError('invalid-argument', '`completion` is missing.');
    const first = Float32Array.from(batch.embeddings.subarray(0, own));
    const template = await sequenceRow(bare, scored, this.#table, this.config, first);
    const tail = template.embeddings.subarray(own);
    return {
      scored,
      rows: (index) => {
        const embeddings = new Float32Array(template.embeddings.length);
        embeddings.set(batch.embeddings.subarray(index * own, (index + 1) * own));
        embeddings.set(tail, own);
        return { ...template, embeddings };
      },
    };
  }
}

function checkTemperature(temperature: number): void {
  if (!(temperature > 0 && Number.isFinite(temperature))) {
    throw new VlmError(
      'invalid-argument',
      `\`temperature\` must be a positive number, got ${temperature}.`,
    );
  }
}

function sizesOf(sequences: readonly Sequence[], scored: readonly ScoredTokens[]): RowSize[] {
  return sequences.map(({ prompt, completion }, index) => ({
    length: prompt.inputIds.length + completion.length,
    scored: scored[index]?.ids.length ?? 0,
  }));
}

/** For each sequence of a batch, where its scores lie among the batch's. */
function ranges(
  batch: readonly number[],
  scored: readonly ScoredTokens[],
): [index: number, range: [start: number, end: number]][] {
  let start = 0;
  return batch.map((index) => {
    const end = start + (scored[index]?.ids.length ?? 0);
    const range: [number, number] = [start, end];
    start = end;
    return [index, range];
  });
}

function joined(batch: readonly number[], arrays: readonly Float32Array[]): Float32Array {
  const parts = batch.map((index) => arrays[index] ?? new Float32Array(0));
  const result = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let start = 0;
  for (const part of parts) {
    result.set(part, start);
    start += part.length;
  }
  return result;
}

function checkFinite(logprobs: readonly Float32Array[]): void {
  for (const [index, values] of logprobs.entries()) {
    const place = values.findIndex((value) => !Number.isFinite(value));
    if (place >= 0)
      throw new VlmError(
        'not-finite',
        `The log-probability of token ${place} of sequence ${index} is ${values[place]}: the weights or the inputs are broken.`,
      );
  }
}
