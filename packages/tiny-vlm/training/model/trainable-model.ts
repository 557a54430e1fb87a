import { createSession, keepOutputs, type Session, type SessionOptions } from '@iapo/onnx-autograd';
import type { NamedArrays } from '@iapo/rl-core';
import type { TrainingBatch } from '../data/batch.js';
import type { Architecture } from './architecture.js';
import { floatsOf } from './float-data.js';
import { initialWeights } from './initial-weights.js';
import { differentiateTraining, makeTrainingGraph } from './training-graph.js';
import { loadWeights, type Weights, weightFeeds } from './weights.js';

/** A whole model whose weights can change between runs. Dispose it after use. */
export class TrainableModel {
  readonly architecture: Architecture;
  readonly vocabulary: number;
  readonly weights: Weights;
  readonly #scoring: Session;
  readonly #gradients: readonly Session[];

  private constructor(
    parts: Pick<TrainableModel, 'architecture' | 'vocabulary' | 'weights'>,
    sessions: { readonly scoring: Session; readonly gradients: readonly Session[] },
  ) {
    this.architecture = parts.architecture;
    this.vocabulary = parts.vocabulary;
    this.weights = parts.weights;
    this.#scoring = sessions.scoring;
    this.#gradients = sessions.gradients;
  }

  /**
   * Random weights of a seed.
   *
   * @param options.threads Inside one operator. Default: the number of cores.
   * @param options.workers Threads that compute gradients of batches side by side. Default 1, in this thread.
   */
  static async create(
    architecture: Architecture,
    vocabulary: number,
    {
      seed,
      threads,
      workers = 1,
    }: { readonly seed: number; readonly threads?: number; readonly workers?: number },
  ): Promise<TrainableModel> {
    const source = initialWeights(seed, architecture.layers);
    const graph = makeTrainingGraph(architecture, vocabulary);
    const options: SessionOptions = threads === undefined ? {} : { threads };
    const scoring = await createSession(keepOutputs(graph.model, ['logprobs']), options);
    const wanted = ['logprobs', ...graph.weightNames.map((name) => `gradient.${name}`)];
    const derived = keepOutputs(differentiateTraining(graph), wanted);
    const gradients: Session[] = [];
    for (let worker = 0; worker < workers; worker++) {
      const own = workers === 1 ? {} : { worker: `training ${worker}` };
      gradients.push(await createSession(derived, { ...options, ...own }));
    }
    const weights = loadWeights(graph.model, graph.weightNames, source);
    return new TrainableModel({ architecture, vocabulary, weights }, { scoring, gradients });
  }

  /** How many batches can be differentiated at the same time. */
  get workers(): number {
    return this.#gradients.length;
  }

  async logprobs(batch: TrainingBatch): Promise<Float32Array> {
    const results = await this.#scoring.run({ ...batch.feeds, ...weightFeeds(this.weights) });
    return floatsOf(results['logprobs']);
  }

  /**
   * Log-probabilities, and Σ c_t ∂log p_t/∂w for every weight.
   *
   * @param worker Which of the threads computes it.
   */
  async gradients(
    batch: TrainingBatch,
    cotangents: Float32Array,
    worker = 0,
  ): Promise<{ readonly logprobs: Float32Array; readonly gradients: NamedArrays }> {
    const session = this.#gradients[worker];
    if (session === undefined) throw new RangeError(`internal: there is no worker ${worker}.`);
    const results = await session.run({
      ...batch.feeds,
      ...weightFeeds(this.weights),
      'cotangent.logprobs': { type: 'float32', dims: [cotangents.length], data: cotangents },
    });
    const gradients = Object.fromEntries(
      Object.keys(this.weights.arrays).map((name) => [name, floatsOf(results[`gradient.${name}`])]),
    );
    return { logprobs: floatsOf(results['logprobs']), gradients };
  }

  async dispose(): Promise<void> {
    await Promise.all([this.#scoring, ...this.#gradients].map((session) => session.dispose()));
  }
}
