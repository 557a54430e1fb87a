import {
  addLogProbabilities,
  addLora,
  createSession,
  differentiate,
  gatherBeforeLastMatMul,
  keepOutputs,
  type OnnxModel,
  type Session,
  type SessionOptions,
  type TensorLike,
} from '@iapo/onnx-autograd';
import type { ModelConfig } from '../encode/model-config.js';
import { type DecoderRow, decoderFeeds } from './decoder-feeds.js';
import { floatsOf } from './float-data.js';
import type { Parameters } from './parameters.js';
import { inRuntime } from './runtime-errors.js';
import type { TrainableWeights } from './weights.js';

/** A branch of an adapter, at the layer's output. */
export interface Branch {
  readonly output: string;
  /** PEFT's key without `.lora_A.weight`. */
  readonly name: string;
  readonly rank: number;
  readonly scaling: number;
}

export interface ScoreRequest {
  readonly rows: readonly DecoderRow[];
  readonly temperature: number;
  readonly entropy: boolean;
  readonly parameters: Parameters;
}

/** Scores of all rows one after the other. */
export interface Scores {
  readonly logprobs: Float32Array;
  readonly entropies: Float32Array | null;
}

export interface GradientRequest extends Omit<ScoreRequest, 'entropy'> {
  /** One number a scored token, all rows one after the other. */
  readonly cotangents: Float32Array;
  readonly entropyCotangents: Float32Array | null;
  /** Names of graph inputs. */
  readonly wrt: readonly string[];
  /** Recompute instead of keeping. */
  readonly checkpoints: boolean;
}

export interface Gradients extends Scores {
  /** By name in `wrt`. */
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

/**
 * The decoder without past: log-probabilities of chosen tokens, and their gradients.
 *
 * One graph for each purpose, made when it is first needed; all map the same weights. An adapter's matrices
 * are inputs, so its updates need no new graph, and a model with B = 0 is the model without adapter.
 */
export class Decoder {
  readonly model: OnnxModel;
  readonly #config: ModelConfig;
  readonly #deepstackInput: string | null;
  readonly #laneOptions: readonly SessionOptions[];
  readonly #weights: TrainableWeights;
  readonly #graphs = new Map<string, Promise<OnnxModel>>();
  readonly #sessions = new Map<string, Promise<Session>>();
  #branches: readonly Branch[] = [];

  constructor(
    model: OnnxModel,
    config: ModelConfig,
    options: {
      readonly deepstackInput: string | null;
      readonly weights: TrainableWeights;
      /** Options of the sessions that run side by side. */
      readonly lanes: readonly SessionOptions[];
    },
  ) {
    this.model = model;
    this.#config = config;
    this.#deepstackInput = options.deepstackInput;
    this.#weights = options.weights;
    this.#laneOptions = options.lanes;
  }

  /** How many requests can run at the same time. */
  get lanes(): number {
    return this.#laneOptions.length;
  }

  /** Puts branches beside layers in all graphs. Graphs without them are disposed. */
  async setBranches(branches: readonly Branch[]): Promise<void> {
    if (JSON.stringify(branches) === JSON.stringify(this.#branches)) return;
    this.#branches = branches;
    await this.dispose();
  }

  /**
   * The graph that decodes with past: all outputs, with the branches and inputs for the weights.
   *
   * @param model The decoder with its branch for a past chosen.
   * @param outputOf The output of a module's node in that graph, by the output in this one.
   */
  withParameters(model: OnnxModel, outputOf: (output: string) => string): OnnxModel {
    const branches = this.#branches.map((branch) => ({
      ...branch,
      output: outputOf(branch.output),
    }));
    return this.#withParameters(model, branches);
  }

  async score(request: ScoreRequest, lane = 0): Promise<Scores> {
    const { graph, session } = await this.#session(`score/${request.entropy}`, lane, () =>
      this.#scoringModel(request.entropy),
    );
    const feeds = { ...this.#feeds(graph, request), ...this.#fed(graph, request.parameters) };
    const outputs = await inRuntime('The decoder', () => session.run(feeds));
    return {
      logprobs: floatsOf(outputs, 'logprobs'),
      entropies: request.entropy ? floatsOf(outputs, 'entropies') : null,
    };
  }

  async gradients(request: GradientRequest, lane = 0): Promise<Gradients> {
    const { wrt, cotangents, entropyCotangents, checkpoints } = request;
    const entropy = entropyCotangents !== null;
    const key = `gradient/${entropy}/${checkpoints}/${wrt.join()}`;
    const { graph, session } = await this.#session(key, lane, () =>
      differentiate(this.#scoringModel(entropy), {
        outputs: entropy ? ['logprobs', 'entropies'] : ['logprobs'],
        wrt,
        ...(checkpoints ? { checkpoints: 'auto' as const } : {}),
      }),
    );
    const feeds: Record<string, TensorLike> = {
      ...this.#feeds(graph, request),
      ...this.#fed(graph, request.parameters),
      'cotangent.logprobs': vector(cotangents),
      ...(entropy ? { 'cotangent.entropies': vector(entropyCotangents) } : {}),
    };
    const outputs = await inRuntime("The decoder's gradient", () => session.run(feeds));
    return {
      logprobs: floatsOf(outputs, 'logprobs'),
      entropies: entropy ? floatsOf(outputs, 'entropies') : null,
      gradients: new Map(wrt.map((name) => [name, floatsOf(outputs, `gradient.${name}`)])),
    };
  }

  async dispose(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    this.#graphs.clear();
    for (const result of await Promise.allSettled(sessions)) {
      if (result.status === 'fulfilled') await result.value.dispose();
    }
  }

  #feeds(
    graph: OnnxModel,
    { rows, temperature }: { rows: readonly DecoderRow[]; temperature: number },
  ) {
    const deepstackInput = this.#deepstackInput;
    return decoderFeeds(graph, rows, this.#config, { temperature, deepstackInput });
  }

  /** Parameters that this graph has; a graph may not need all of them. */
  #fed(graph: OnnxModel, parameters: Parameters): Record<string, TensorLike> {
    const inputs = new Set(graph.graph.inputs.map(({ name }) => name));
    const all = { ...parameters, ...this.#weights.feeds() };
    return Object.fromEntries(Object.entries(all).filter(([name]) => inputs.has(name)));
  }

  #scoringModel(entropy: boolean): OnnxModel {
    const scored = addLogProbabilities(
      gatherBeforeLastMatMul(this.model),
      entropy ? { entropy: 'entropies' } : {},
    );
    return this.#withParameters(
      keepOutputs(scored, entropy ? ['logprobs', 'entropies'] : ['logprobs']),
    );
  }

  #withParameters(model: OnnxModel, branches = this.#branches): OnnxModel {
    const branched = branches.length === 0 ? model : addLora(model, { targets: branches });
    return this.#weights.asInputs(branched);
  }

  async #session(
    key: string,
    lane: number,
    build: () => OnnxModel,
  ): Promise<{ graph: OnnxModel; session: Session }> {
    const graph = remembered(this.#graphs, key, () =>
      inRuntime('Preparing the decoder', async () => build()),
    );
    const session = remembered(this.#sessions, `${lane}/${key}`, () =>
      inRuntime('Preparing the decoder', async () =>
        createSession(await graph, this.#laneOptions[lane]),
      ),
    );
    return { graph: await graph, session: await session };
  }
}

/** What was made for a key; a failure is not kept. */
function remembered<T>(
  known: Map<string, Promise<T>>,
  key: string,
  make: () => Promise<T>,
): Promise<T> {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  known.set(key, made);
  made.catch(() => known.delete(key));
  return made;
}

const vector = (data: Float32Array): TensorLike => ({
  type: 'float32',
  dims: [data.length],
  data,
});
