import type { ElementType } from '../codec/element-types.js';
import type { Dimension, Graph, GraphNode, OnnxModel, Tensor } from '../codec/model.js';
import { makeTensor, readTensorValues } from '../codec/tensor-values.js';
import { AttributeReader } from '../graph/attributes.js';
import type { InferenceContext } from './inference-rule.js';
import { inferenceRules } from './rules.js';
import { type SymbolSource, SymbolSource as Symbols, type TensorInfo } from './tensor-info.js';

/** Above this many elements integer tensors are data, not shapes to compute with. */
const maximumTrackedValues = 64;

/**
 * Types and shapes of a graph's values, found node by node and kept up to date while nodes are added.
 *
 * An operator without an inference rule is no error: its outputs are of unknown type and shape, and
 * gradients of such values are shaped at run time.
 */
export class Inference {
  readonly symbols: SymbolSource = new Symbols();
  readonly #infos = new Map<string, TensorInfo>();
  readonly #directory: string | undefined;
  readonly #opsets: ReadonlyMap<string, number>;
  readonly #constants = new Map<string, Tensor>();

  constructor(opsets: ReadonlyMap<string, number>, directory: string | undefined) {
    this.#opsets = opsets;
    this.#directory = directory;
  }

  /** What is known about a value. */
  info(name: string): TensorInfo {
    let info = this.#infos.get(name);
    if (info === undefined) {
      info = { type: undefined, shape: this.symbols.shape() };
      this.#infos.set(name, info);
    }
    return this.#resolved(info);
  }

  #resolved(info: TensorInfo): TensorInfo {
    const { shape, values } = info;
    const sizes = typeof shape === 'string' ? shape : this.symbols.resolveAll(shape);
    const elements = values === undefined ? undefined : this.symbols.resolveAll(values);
    if (sizes === shape && elements === values) return info;
    return { ...info, shape: sizes, ...(elements === undefined ? {} : { values: elements }) };
  }

  set(name: string, info: TensorInfo): void {
    this.#infos.set(name, info);
  }

  addTensor(tensor: Tensor): void {
    this.#constants.set(tensor.name, tensor);
    const values = this.#smallIntegers(tensor);
    this.set(tensor.name, {
      type: tensor.type,
      shape: tensor.dims,
      ...(values === undefined ? {} : { values }),
    });
  }

  addInput(
    name: string,
    type: ElementType | undefined,
    shape: readonly Dimension[] | undefined,
  ): void {
    this.set(name, {
      type,
      shape:
        shape?.map((size) => (size === '' ? this.symbols.dimension() : size)) ??
        this.symbols.shape(),
    });
  }

  /** Elements of an initializer or `Constant`, if it is a small numeric tensor. */
  constantValues(name: string): readonly number[] | undefined {
    const tensor = this.#constants.get(name);
    return tensor === undefined ? undefined : readTensorValues(tensor, this.#directory);
  }

  addNode(node: GraphNode): void {
    if (node.operator === 'Constant' && node.domain === '') {
      const tensor = constantTensor(node);
      const output = node.outputs[0];
      if (tensor !== undefined && output !== undefined) {
        this.addTensor({ ...tensor, name: output });
        return;
      }
    }
    const rule = inferenceRules[node.domain]?.[node.operator];
    const context: InferenceContext = {
      node,
      attributes: new AttributeReader(node),
      symbols: this.symbols,
      opset: this.#opsets.get(node.domain) ?? 1,
      input: (index) => {
        const name = node.inputs[index];
        return name === undefined || name === '' ? undefined : this.info(name);
      },
      constants: (index) => {
        const name = node.inputs[index];
        if (name === undefined || name === '') return undefined;
        const values = this.info(name).values;
        if (values?.every((value) => typeof value === 'number')) return values as readonly number[];
        return this.constantValues(name);
      },
      tensorValues: (tensor) => readTensorValues(tensor, this.#directory),
    };
    const results = rule === undefined ? [] : rule(context);
    for (const [index, output] of node.outputs.entries()) {
      if (output === '') continue;
      this.set(output, results[index] ?? { type: undefined, shape: this.symbols.shape() });
    }
  }

  #smallIntegers(tensor: Tensor): readonly number[] | undefined {
    if (tensor.type !== 'int64' && tensor.type !== 'int32' && tensor.type !== 'bool')
      return undefined;
    const count = tensor.dims.reduce((product, size) => product * size, 1);
    if (count > maximumTrackedValues || tensor.dims.length > 1) return undefined;
    return readTensorValues(tensor, this.#directory);
  }
}

/** Tensor of a `Constant`, in whichever of its attributes it is given; `undefined` for strings and sparse ones. */
function constantTensor(node: GraphNode): Tensor | undefined {
  const attributes = new AttributeReader(node);
  const single = (type: ElementType, value: number | undefined): Tensor | undefined =>
    value === undefined ? undefined : makeTensor('', type, [], [value]);
  const list = (type: ElementType, values: readonly number[] | undefined): Tensor | undefined =>
    values === undefined ? undefined : makeTensor('', type, [values.length], values);
  return (
    attributes.tensor('value') ??
    single('float32', attributes.float('value_float')) ??
    single('int64', attributes.int('value_int')) ??
    list('float32', attributes.floats('value_floats')) ??
    list('int64', attributes.ints('value_ints'))
  );
}

/** Infers a whole graph: initializers, inputs, then nodes in order. */
export function inferGraph(model: OnnxModel, graph: Graph = model.graph): Inference {
  const inference = new Inference(model.opsetImports, model.directory);
  for (const input of graph.inputs) inference.addInput(input.name, input.type, input.shape);
  for (const tensor of graph.initializers) inference.addTensor(tensor);
  // Types are taken from the file where no rule knows the operator; its shapes are not, since exporters
  // get them wrong (an fp32 decoder of onnxruntime-genai 0.11 declares [1] for scalars).
  const declared = new Map(
    [...graph.valueInfo, ...graph.outputs].map((value) => [value.name, value]),
  );
  for (const node of graph.nodes) {
    inference.addNode(node);
    for (const output of node.outputs) {
      const value = declared.get(output);
      const info = inference.info(output);
      if (info.type === undefined && value?.type !== undefined) {
        inference.set(output, { ...info, type: value.type });
      }
    }
  }
  return inference;
}
