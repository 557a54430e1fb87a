import {
  createSession,
  type OnnxModel,
  type Session,
  type SessionOptions,
  type TensorLike,
} from '@iapo/onnx-autograd';
import { VlmError } from '../errors.js';
import { floatsOf } from './float-data.js';
import { GradientSession } from './gradient-session.js';
import { inRuntime } from './runtime-errors.js';
import type { TrainableWeights } from './weights.js';

/** Tokens that are looked up in one run while the whole table is read. */
const chunk = 4096;

/** Mean row and typical length of the rows of an embedding table. */
export interface EmbeddingStatistics {
  /** `[hidden]` */
  readonly mean: Float32Array;
  /** Median of the rows' L2 norms. */
  readonly medianNorm: number;
}

/** The graph `embed_tokens`: rows of the embedding table, as the decoder takes them. */
export class EmbeddingTable {
  readonly session: Session;
  readonly #hidden: number;
  readonly #vocabulary: number;
  #statistics: Promise<EmbeddingStatistics> | undefined;

  readonly #weights: TrainableWeights;
  readonly #gradient: GradientSession;

  private constructor(
    session: Session,
    gradient: GradientSession,
    size: { readonly hidden: number; readonly vocabulary: number },
    weights: TrainableWeights,
  ) {
    this.session = session;
    this.#gradient = gradient;
    this.#hidden = size.hidden;
    this.#vocabulary = size.vocabulary;
    this.#weights = weights;
  }

  static async create(
    model: OnnxModel,
    size: { readonly hidden: number; readonly vocabulary: number },
    weights: TrainableWeights,
    options: SessionOptions,
  ): Promise<EmbeddingTable> {
    const graph = weights.asInputs(model);
    // In this thread: a look-up takes less time than a message, and must not wait behind a run of the decoder.
    const session = await createSession(graph, { ...options, worker: false });
    const output = session.outputNames[0] ?? 'inputs_embeds';
    return new EmbeddingTable(session, new GradientSession(graph, output, options), size, weights);
  }

  /** `[ids, hidden]`. @throws {VlmError} `invalid-argument` for a number that is no token. */
  async rows(ids: ArrayLike<number>): Promise<Float32Array> {
    if (ids.length === 0) return new Float32Array(0);
    const input_ids = this.#idTensor(ids);
    const outputs = await inRuntime('Looking up embeddings', () =>
      this.session.run({ ...this.#weights.feeds(), input_ids }),
    );
    return floatsOf(outputs, this.session.outputNames[0] ?? 'inputs_embeds');
  }

  /**
   * Gradients of the table's weights, by name in the graph.
   *
   * @param cotangent `[ids, hidden]`
   */
  async weightGradients(
    ids: ArrayLike<number>,
    cotangent: Float32Array,
  ): Promise<Map<string, Float32Array>> {
    return this.#gradient.run(
      { ...this.#weights.feeds(), input_ids: this.#idTensor(ids) },
      { type: 'float32', dims: [1, ids.length, this.#hidden], data: cotangent },
      this.#weights.names,
    );
  }

  async dispose(): Promise<void> {
    await this.session.dispose();
    await this.#gradient.dispose();
  }

  #idTensor(ids: ArrayLike<number>): TensorLike {
    const data = new BigInt64Array(ids.length);
    for (let index = 0; index < ids.length; index++) {
      const id = ids[index] ?? -1;
      if (!Number.isInteger(id) || id < 0 || id >= this.#vocabulary) {
        throw new VlmError(
          'invalid-argument',
          `Token ${index} is ${id}, expected a whole number from 0 to ${this.#vocabulary - 1}.`,
        );
      }
      data[index] = BigInt(id);
    }
    return { type: 'int64', dims: [1, ids.length], data };
  }

  /** Over all rows of the table, also those of unused tokens. Read once, unless the table is trained. */
  statistics(): Promise<EmbeddingStatistics> {
    if (this.#weights.names.length > 0) return this.#readStatistics();
    this.#statistics ??= this.#readStatistics();
    return this.#statistics;
  }

  async #readStatistics(): Promise<EmbeddingStatistics> {
    const sum = new Float64Array(this.#hidden);
    const norms = new Float64Array(this.#vocabulary);
    for (let start = 0; start < this.#vocabulary; start += chunk) {
      const length = Math.min(chunk, this.#vocabulary - start);
      const rows = await this.rows(Int32Array.from({ length }, (_, index) => start + index));
      for (let row = 0; row < length; row++) {
        let square = 0;
        for (let column = 0; column < this.#hidden; column++) {
          const value = rows[row * this.#hidden + column] ?? Number.NaN;
          sum[column] = (sum[column] ?? 0) + value;
          square += value * value;
        }
        norms[start + row] = Math.sqrt(square);
      }
    }
    norms.sort();
    const middle = Math.floor((norms.length - 1) / 2);
    const upper = Math.ceil((norms.length - 1) / 2);
    return {
      mean: Float32Array.from(sum, (value) => value / this.#vocabulary),
      medianNorm: ((norms[middle] ?? 0) + (norms[upper] ?? 0)) / 2,
    };
  }
}
