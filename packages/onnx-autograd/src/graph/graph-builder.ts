import type { ElementType } from '../codec/element-types.js';
import type { GraphNode, OnnxModel, Tensor, ValueInfo } from '../codec/model.js';
import { makeTensor } from '../codec/tensor-values.js';
import { OnnxAutogradError } from '../errors.js';
import { type Inference, inferGraph } from '../inference/infer.js';
import { type AttributeInput, makeAttributes } from './attributes.js';

/** Name of a value in a graph: an input, an initializer or a node's output. */
export type Value = string;

export interface EmitOptions {
  readonly attributes?: Readonly<
    Record<string, AttributeInput | number | string | readonly number[] | undefined>
  >;
  /** Default `''`, ai.onnx. */
  readonly domain?: string;
  /** Name of the node. Default: that of its first output. */
  readonly name?: string;
  /** Names to give to the outputs; left-out ones are made up. Default: one made-up name. */
  readonly outputs?: readonly Value[];
}

/** Version under which an operator set that a model does not import yet is added to it. */
const addedOpsets: Readonly<Record<string, number>> = { 'com.microsoft': 1 };

/**
 * A graph being written: new nodes after those of a model, with names that clash with none.
 *
 * Types and shapes of what is added are inferred at once, so that whoever emits can ask for them.
 */
export class GraphBuilder {
  readonly nodes: GraphNode[] = [];
  readonly inference: Inference;
  readonly #model: OnnxModel;
  readonly #opsets: Map<string, number>;
  readonly #initializers: Tensor[];
  readonly #inputs: ValueInfo[];
  readonly #names: Set<string>;
  readonly #constants = new Map<string, Value>();
  readonly #nodeNames: Set<string>;
  #prefix = '';
  #count = 0;

  /** @param nodes Nodes to start from. Default: those of the model. */
  constructor(model: OnnxModel, nodes: readonly GraphNode[] = model.graph.nodes) {
    this.#model = model;
    this.#opsets = new Map(model.opsetImports);
    this.#initializers = [...model.graph.initializers];
    this.#inputs = [...model.graph.inputs];
    this.inference = inferGraph({ ...model, graph: { ...model.graph, nodes } });
    this.#names = namesOf(model);
    // Nodes that are yet to be added keep their names too.
    this.#nodeNames = new Set(model.graph.nodes.map(({ name }) => name));
    this.nodes.push(...nodes);
  }

  /** Version of an operator set, 1 for one that is not imported. */
  opset(domain: string): number {
    return this.#opsets.get(domain) ?? 1;
  }

  /** Prefix of the names made from here on, to tell whose nodes they are. */
  set prefix(prefix: string) {
    this.#prefix = prefix;
  }

  /** A name that nothing has yet. */
  freshName(hint: string): Value {
    let name = this.#prefix === '' ? hint : `${this.#prefix}/${hint}`;
    while (this.#names.has(name))
      name = `${this.#prefix === '' ? hint : `${this.#prefix}/${hint}`}_${++this.#count}`;
    this.#names.add(name);
    return name;
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** Adds a node and returns its outputs. */
  emit(operator: string, inputs: readonly Value[], options: EmitOptions = {}): Value[] {
    const { attributes = {}, domain = '' } = options;
    if (!this.#opsets.has(domain)) {
      const version = addedOpsets[domain];
      if (version !== undefined) this.#opsets.set(domain, version);
    }
    const outputs = [...(options.outputs ?? [this.freshName(operator)])];
    for (const output of outputs) this.#names.add(output);
    const node: GraphNode = {
      name: this.#freshNodeName(options.name ?? outputs[0] ?? operator),
      operator,
      domain,
      inputs,
      outputs,
      attributes: makeAttributes(attributes),
      other: [],
    };
    this.addNode(node);
    return outputs;
  }

  /** ONNX Runtime refuses two nodes of one name; nodes and values may share one. */
  #freshNodeName(hint: string): string {
    let name = hint;
    while (this.#nodeNames.has(name)) name = `${hint}_node_${++this.#count}`;
    this.#nodeNames.add(name);
    return name;
  }

  /** Adds a node as it is. */
  addNode(node: GraphNode): void {
    this.nodes.push(node);
    this.inference.addNode(node);
  }

  /** A constant tensor; equal constants are made once. */
  constant(type: ElementType, dims: readonly number[], values: readonly number[]): Value {
    const key = `${type}[${dims.join(',')}]${values.map((value) => (Object.is(value, -0) ? '-0' : value)).join(',')}`;
    let name = this.#constants.get(key);
    if (name === undefined) {
      name = this.freshName(`constant_${type}_${values.length === 1 ? values[0] : dims.join('x')}`);
      this.addInitializer(makeTensor(name, type, dims, values));
      this.#constants.set(key, name);
    }
    return name;
  }

  addInitializer(tensor: Tensor): void {
    this.#names.add(tensor.name);
    this.#initializers.push(tensor);
    this.inference.addTensor(tensor);
  }

  /** An initializer by name. */
  initializer(name: string): Tensor | undefined {
    return this.#initializers.find((tensor) => tensor.name === name);
  }

  /** Folder that the model's external data is relative to. */
  get directory(): string | undefined {
    return this.#model.directory;
  }

  addInput(input: ValueInfo): void {
    if (
      this.#names.has(input.name) &&
      this.#initializers.every(({ name }) => name !== input.name)
    ) {
      throw new OnnxAutogradError(
        'invalid-argument',
        `The graph already has a value named "${input.name}"; was the model differentiated before? Derive from the original model.`,
      );
    }
    this.#names.add(input.name);
    this.#inputs.push(input);
    this.inference.addInput(input.name, input.type, input.shape);
  }

  /** What is known of a value, in the form in which a graph declares its inputs and outputs. */
  describe(name: Value, as: string = name): ValueInfo {
    const { type, shape } = this.inference.info(name);
    return {
      name: as,
      type,
      shape:
        typeof shape === 'string'
          ? undefined
          : // Symbols made up by inference mean nothing outside.
            shape.map((size) => (typeof size === 'string' && /[?*(]/.test(size) ? '' : size)),
      encodedType: undefined,
      other: [],
    };
  }

  /** The model with what was added. */
  build(
    changes: { outputs?: readonly ValueInfo[]; metadata?: ReadonlyMap<string, string> } = {},
  ): OnnxModel {
    const { graph } = this.#model;
    return {
      ...this.#model,
      opsetImports: this.#opsets,
      metadata: changes.metadata ?? this.#model.metadata,
      graph: {
        ...graph,
        nodes: this.nodes,
        initializers: this.#initializers,
        inputs: this.#inputs,
        outputs: changes.outputs ?? graph.outputs,
      },
    };
  }
}

function namesOf(model: OnnxModel): Set<string> {
  const names = new Set<string>();
  const visit = (graph: OnnxModel['graph']): void => {
    for (const { name } of [...graph.inputs, ...graph.initializers, ...graph.outputs])
      names.add(name);
    for (const node of graph.nodes) {
      for (const name of [...node.inputs, ...node.outputs]) names.add(name);
      for (const { value } of node.attributes) {
        if (value.kind === 'graph') visit(value.value);
        if (value.kind === 'graphs') value.value.forEach(visit);
      }
    }
  };
  visit(model.graph);
  return names;
}
