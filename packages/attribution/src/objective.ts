import { callModel, requireLength } from './call-model.js';
import { AttributionError } from './errors.js';
import { firstNonFinite } from './first-non-finite.js';
import type { Meter } from './meter.js';
import type { AttributionModel, EmbeddingBatch, FloatArray, PromptEmbeddings } from './model.js';
import {
  linkedValue,
  type ResolvedTarget,
  type TargetTerm,
  targetValue,
  weightedSum,
} from './targets/resolve-target.js';

/** Writes point `index` into `point`, `[P · H]`. */
export type PointWriter = (index: number, point: FloatArray) => void;

/** Receives F and its gradient `[P · H]` at point `index`; the array is only valid during the call. */
export type GradientVisitor = (index: number, value: number, gradient: FloatArray) => void;

/** Which tokens are present in a point: `[P]`, for mask modes other than `baseline`. */
export type KeepWriter = (index: number, keep: Uint8Array) => void;

/** Embeddings in one batched call when the model sets no limit: 256 MiB, small beside the activations they cause. */
const batchBytes = 256 * 1024 * 1024;

export interface ObjectiveOptions {
  readonly model: AttributionModel;
  readonly prompt: unknown;
  readonly source: PromptEmbeddings;
  readonly target: ResolvedTarget;
  readonly meter: Meter;
  readonly maximumBatch?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The target F as a function of the prompt's embeddings, evaluated in batches no larger than memory allows. */
export class Objective {
  readonly target: ResolvedTarget;
  readonly tokens: number;
  readonly hiddenSize: number;
  readonly #options: ObjectiveOptions;
  readonly #batch: number;

  constructor(options: ObjectiveOptions) {
    const { source, model, maximumBatch } = options;
    this.#options = options;
    this.target = options.target;
    this.tokens = source.tokens;
    this.hiddenSize = source.hiddenSize;
    const pointBytes = source.embeddings.byteLength;
    const limit =
      maximumBatch ?? model.maximumBatch ?? Math.floor(batchBytes / Math.max(1, pointBytes));
    this.#batch = Math.max(1, Math.floor(limit));
  }

  /** The same model and input under another target (per-target matrices). */
  withTarget(target: ResolvedTarget): Objective {
    return new Objective({ ...this.#options, target });
  }

  /** F at `count` points. */
  async values(count: number, write: PointWriter): Promise<Float64Array> {
    const scores = await this.tokenScores(count, write);
    return Float64Array.from({ length: count }, (_, index) =>
      targetValue(this.target, scores.subarray(index * this.target.tokenCount), `point ${index}`),
    );
  }

  /** Scores of all completion tokens at `count` points, `[count, tokenCount]`; not yet weighted, may be −∞. */
  async tokenScores(
    count: number,
    write: PointWriter,
    mask?: { mode: 'remove' | 'attentionMask'; write: KeepWriter },
  ): Promise<Float64Array> {
    const { target } = this;
    const scores = new Float64Array(count * target.tokenCount);
    await this.#forEachBatch(count, write, mask, async (batch, first) => {
      let column = 0;
      for (const term of target.terms) {
        const width = term.completion.length;
        const values = await this.#score(batch, term);
        for (let index = 0; index < batch.count; index++) {
          const row = values.subarray(index * width, (index + 1) * width);
          scores.set(row, (first + index) * target.tokenCount + column);
        }
        column += width;
      }
    });
    return scores;
  }

  /** F and its gradient at `count` points. */
  async differentiate(count: number, write: PointWriter, visit: GradientVisitor): Promise<void> {
    const size = this.tokens * this.hiddenSize;
    const terms = this.target.terms.filter(({ weights }) => weights.some((weight) => weight !== 0));
    await this.#forEachBatch(count, write, undefined, async (batch, first) => {
      const sums = new Float64Array(batch.count);
      const outputs: FloatArray[] = [];
      for (const term of terms) {
        const { logprobs, gradients } = await this.#gradients(batch, term);
        for (let index = 0; index < batch.count; index++) {
          sums[index]! += weightedSum(term.weights, logprobs, index * term.weights.length);
        }
        outputs.push(gradients);
      }
      for (let index = 0; index < batch.count; index++) {
        const value = linkedValue(this.target, sums[index]!, `point ${first + index}`);
        const gradient = combine(
          outputs,
          index * size,
          size,
          this.target.link.derivative(sums[index]!),
        );
        this.#requireFinite(gradient, first + index);
        visit(first + index, value, gradient);
      }
    });
  }

  async #forEachBatch(
    count: number,
    write: PointWriter,
    mask: { mode: 'remove' | 'attentionMask'; write: KeepWriter } | undefined,
    run: (batch: EmbeddingBatch, first: number) => Promise<void>,
  ): Promise<void> {
    const { source, prompt, target, signal } = this.#options;
    const { tokens, hiddenSize } = this;
    const size = tokens * hiddenSize;
    const most = Math.min(this.#batch, count);
    const embeddings = createLike(source.embeddings, most * size);
    for (let first = 0; first < count; first += most) {
      signal?.throwIfAborted();
      const batchCount = Math.min(most, count - first);
      const keep = mask === undefined ? undefined : new Uint8Array(batchCount * tokens);
      for (let index = 0; index < batchCount; index++) {
        write(first + index, embeddings.subarray(index * size, (index + 1) * size));
        if (keep !== undefined) {
          mask?.write(first + index, keep.subarray(index * tokens, (index + 1) * tokens));
        }
      }
      const batch: EmbeddingBatch = {
        prompt,
        completion: [],
        count: batchCount,
        tokens,
        hiddenSize,
        embeddings: embeddings.subarray(0, batchCount * size),
        quantity: target.quantity,
        ...(keep === undefined || mask === undefined ? {} : { mask: { mode: mask.mode, keep } }),
        ...(signal === undefined ? {} : { signal }),
      };
      await run(batch, first);
    }
  }

  async #score(batch: EmbeddingBatch, term: TargetTerm): Promise<FloatArray> {
    const { model, meter, signal } = this.#options;
    const width = term.completion.length;
    const shape = { N: batch.count, T: width };
    if (model.embeddingLogprobs === undefined) return (await this.#gradients(batch, term)).logprobs;
    const values = await callModel('embeddingLogprobs', signal, () =>
      model.embeddingLogprobs?.({ ...batch, completion: term.completion }),
    );
    requireLength('embeddingLogprobs', values, shape);
    meter.count({ forwards: batch.count, backwards: 0 });
    return values as FloatArray; // `requireLength` refused undefined.
  }

  async #gradients(
    batch: EmbeddingBatch,
    term: TargetTerm,
  ): Promise<{ logprobs: FloatArray; gradients: FloatArray }> {
    const { model, meter, signal } = this.#options;
    const width = term.completion.length;
    const weights = new Float64Array(batch.count * width);
    for (let index = 0; index < batch.count; index++) weights.set(term.weights, index * width);
    const output = await callModel('gradients', signal, () =>
      model.gradients?.({ ...batch, completion: term.completion, weights }),
    );
    requireLength('gradients().logprobs', output?.logprobs, { N: batch.count, T: width });
    const shape = { N: batch.count, P: batch.tokens, H: batch.hiddenSize };
    requireLength('gradients().gradients', output?.gradients, shape);
    meter.count({ forwards: batch.count, backwards: batch.count });
    return output as { logprobs: FloatArray; gradients: FloatArray }; // as above
  }

  #requireFinite(gradient: FloatArray, point: number): void {
    const broken = firstNonFinite(gradient);
    if (broken < 0) return;
    throw new AttributionError(
      'non-finite',
      `The gradient at point ${point} is ${gradient[broken]} for prompt token ${Math.floor(broken / this.hiddenSize)}, dimension ${broken % this.hiddenSize}.`,
    );
  }
}

/** An array of the same type as `example`. */
function createLike(example: FloatArray, length: number): FloatArray {
  return example instanceof Float32Array ? new Float32Array(length) : new Float64Array(length);
}

/** Σ over terms of their gradient at one point, times the link's derivative; a view where nothing is to be done. */
function combine(
  outputs: readonly FloatArray[],
  start: number,
  size: number,
  scale: number,
): FloatArray {
  const [only] = outputs;
  if (outputs.length === 1 && scale === 1 && only !== undefined)
    return only.subarray(start, start + size);
  const gradient = new Float64Array(size);
  for (const output of outputs) {
    for (let index = 0; index < size; index++) gradient[index]! += scale * output[start + index]!;
  }
  return gradient;
}
