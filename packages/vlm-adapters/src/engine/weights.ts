import { makeTrainable, type OnnxModel, type TensorLike } from '@iapo/onnx-autograd';
import { VlmError } from '../errors.js';
import type { GraphName } from '../load/graph-files.js';
import type { Parameters } from './parameters.js';
import { readFloatWeight } from './read-weight.js';

/** Names that exporters give to constants which are no weights: rotary tables, masks, positions. */
const constants = /inv_freq|rotary|cos_cache|sin_cache|causal_mask|position_ids|attention_mask/i;

/** The weights of one graph that are learned: graph inputs, fed with each run. */
export class TrainableWeights {
  readonly #graph: GraphName;
  readonly #tensors: ReadonlyMap<string, { dims: readonly number[]; data: Float32Array }>;

  /** Takes none: nothing is fed, and the model stays as it is. */
  static none(graph: GraphName): TrainableWeights {
    return new TrainableWeights(graph, new Map());
  }

  /**
   * Takes every float32 initializer of more than one element that is no table of angles or masks.
   *
   * @throws {VlmError} `unsupported` if there is none, as in graphs of other number formats.
   */
  static of(graph: GraphName, model: OnnxModel): TrainableWeights {
    const tensors = new Map<string, { dims: readonly number[]; data: Float32Array }>();
    for (const tensor of model.graph.initializers) {
      const count = tensor.dims.reduce((product, size) => product * size, 1);
      if (tensor.type !== 'float32' || count < 2 || constants.test(tensor.name)) continue;
      const data = readFloatWeight(tensor, model.directory);
      tensors.set(tensor.name, { dims: tensor.dims, data });
    }
    if (tensors.size > 0) return new TrainableWeights(graph, tensors);
    throw new VlmError(
      'unsupported',
      `The graph ${graph} has no float32 weights to train: load the model with \`dtype: "fp32"\`.`,
    );
  }

  private constructor(
    graph: GraphName,
    tensors: ReadonlyMap<string, { dims: readonly number[]; data: Float32Array }>,
  ) {
    this.#graph = graph;
    this.#tensors = tensors;
  }

  /** Names in the graph. */
  get names(): readonly string[] {
    return [...this.#tensors.keys()];
  }

  /** The graph with inputs in place of these weights; those that it does not have are left out. */
  asInputs(model: OnnxModel): OnnxModel {
    const present = model.graph.initializers.filter(({ name }) => this.#tensors.has(name));
    return present.length === 0
      ? model
      : makeTrainable(
          model,
          present.map(({ name }) => name),
        );
  }

  /** The live arrays, by `<graph>/<name>`. */
  parameters(): Record<string, Float32Array> {
    return Object.fromEntries(
      [...this.#tensors].map(([name, { data }]) => [this.parameterName(name), data]),
    );
  }

  parameterName(name: string): string {
    return `${this.#graph}/${name}`;
  }

  feeds(): Parameters {
    const feeds: Record<string, TensorLike> = {};
    for (const [name, { dims, data }] of this.#tensors)
      feeds[name] = { type: 'float32', dims, data };
    return feeds;
  }
}
