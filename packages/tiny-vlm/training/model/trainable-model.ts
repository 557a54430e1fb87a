import { createSession, keepOutputs, type Session } from '@iapo/onnx-autograd';
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
  readonly #gradients: Session;

  private constructor(
    parts: Pick<TrainableModel, 'architecture' | 'vocabulary' | 'weights'>,
    sessions: { readonly scoring: Session; readonly gradients: Session },
  ) {
    this.architecture = parts.architecture;
    this.vocabulary = parts.vocabulary;
    this.weights = parts.weights;
    this.#scoring = sessions.scoring;
    this.#gradients = sessions.gradients;
  }

  /** Random weights of a seed. */
  static async create(
    architecture: Architecture,
    vocabulary: number,
    { seed, threads }: { readonly seed: number; readonly threads?: number },
  ): Promise<TrainableModel> {
    const source = initialWeights(seed, architecture.layers);
    const graph = makeTrainingGraph(architecture, vocabulary);
    const options = threads === undefined ? {} : { threads };
    const scoring = await createSession(keepOutputs(graph.model, ['logprobs']), options);
    const derived = differentiateTraining(graph);
    const gradients = await createSession(
      keepOutputs(derived, ['logprobs', ...graph.weightNames.map((name) => `gradient.${name}`)]),
      options,
    );
    const weights = loadWeights(graph.model, graph.weightNames, source);
    return new TrainableModel({ architecture, vocabulary, weights }, { scoring, gradients });
  }

  async logprobs(batch: TrainingBatch): Promise<Float32Array> {
    const results = await this.#scoring.run({ ...batch.feeds, ...weightFeeds(this.weights) });
    return floatsOf(results['logprobs']);
  }

  /** Log-probabilities, and Σ c_t ∂log p_t/∂w for every weight. */
  async gradients(
    batch: TrainingBatch,
    cotangents: Float32Array,
  ): Promise<{ readonly logprobs: Float32Array; readonly gradients: NamedArrays }> {
    const results = await this.#gradients.run({
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
    await Promise.all([this.#scoring.dispose(), this.#gradients.dispose()]);
  }
}
