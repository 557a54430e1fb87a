import type { Attribute, GraphNode, OnnxModel } from '@iapo/onnx-autograd';

/** Attributes by name: whole numbers, `{ float }`, or lists of whole numbers. */
type Attributes = Readonly<Record<string, number | { readonly float: number } | readonly number[]>>;

/** Why a graph cannot be changed as wanted: its form is not known. Caught where the graph can be used as it is. */
export class UnknownForm extends Error {}

/** Nodes of a graph by what they read and give, and the nodes that are added to it. */
export class GraphEdit {
  /** Nodes of the graph that stay, with changed inputs where `replace` was called. */
  readonly #nodes: Set<GraphNode>;
  readonly #added: GraphNode[] = [];
  readonly #names: Set<string>;
  readonly #producers = new Map<string, GraphNode>();
  readonly #consumers = new Map<string, GraphNode[]>();
  #count = 0;

  constructor(model: OnnxModel) {
    const { nodes, inputs, initializers } = model.graph;
    this.#nodes = new Set(nodes);
    this.#names = new Set([...inputs, ...initializers].map(({ name }) => name));
    for (const node of nodes) {
      for (const output of node.outputs) {
        this.#names.add(output);
        this.#producers.set(output, node);
      }
      for (const input of new Set(node.inputs)) {
        const readers = this.#consumers.get(input);
        if (readers === undefined) this.#consumers.set(input, [node]);
        else readers.push(node);
      }
    }
  }

  producer(value: string): GraphNode | undefined {
    return this.#producers.get(value);
  }

  /** Nodes of the original graph that read a value. */
  consumers(value: string): readonly GraphNode[] {
    return this.#consumers.get(value) ?? [];
  }

  remove(node: GraphNode): void {
    this.#nodes.delete(node);
  }

  /** Adds a node with one output and gives that. */
  emit(
    operator: string,
    inputs: readonly string[],
    options: {
      readonly attributes?: Attributes;
      readonly domain?: string;
      readonly output?: string;
    } = {},
  ): string {
    const { attributes = {}, domain = '', output = this.#freshName(operator) } = options;
    this.#added.push({
      name: output,
      operator,
      domain,
      inputs,
      outputs: [output],
      attributes: Object.entries(attributes).map(attribute),
      other: [],
    });
    return output;
  }

  /** An int64 vector. */
  ints(values: readonly number[]): string {
    return this.emit('Constant', [], { attributes: { value_ints: values } });
  }

  /** A float32 scalar. */
  float(value: number): string {
    return this.emit('Constant', [], { attributes: { value_float: { float: value } } });
  }

  /** Size of an axis, int64 `[1]`. */
  size(value: string, axis: number): string {
    return this.emit('Gather', [this.emit('Shape', [value]), this.ints([axis])]);
  }

  concat(values: readonly string[], axis: number): string {
    return this.emit('Concat', values, { attributes: { axis } });
  }

  /** All nodes in topological order. */
  nodes(): GraphNode[] {
    const all = [...this.#nodes, ...this.#added];
    const producers = new Map(
      all.flatMap((node) => node.outputs.map((output) => [output, node] as const)),
    );
    const sorted = new Set<GraphNode>();
    const open = new Set<GraphNode>();
    // Depth first with a stack of its own: graphs are deeper than the call stack.
    for (const root of all) {
      const stack: GraphNode[] = [root];
      while (stack.length > 0) {
        const node = stack.at(-1) as GraphNode;
        if (sorted.has(node)) {
          stack.pop();
          continue;
        }
        const waiting = node.inputs
          .flatMap((input) => producers.get(input) ?? [])
          .filter((producer) => !sorted.has(producer));
        if (waiting.length === 0) {
          sorted.add(node);
          open.delete(node);
          stack.pop();
        } else {
          if (open.has(node)) throw new UnknownForm(`a circle at ${node.name}`);
          open.add(node);
          stack.push(...waiting);
        }
      }
    }
    return [...sorted];
  }

  #freshName(operator: string): string {
    for (;;) {
      const name = `shared_prompt/${operator}_${this.#count++}`;
      if (this.#names.has(name)) continue;
      this.#names.add(name);
      return name;
    }
  }
}

function attribute([name, value]: [string, Attributes[string]]): Attribute {
  if (typeof value === 'number')
    return { name, value: { kind: 'int', value: BigInt(value) }, other: [] };
  if ('float' in value) return { name, value: { kind: 'float', value: value.float }, other: [] };
  return { name, value: { kind: 'ints', value: value.map(BigInt) }, other: [] };
}

/** An integer attribute of a node. */
export function intAttribute(node: GraphNode, name: string): number | undefined {
  const value = node.attributes.find((candidate) => candidate.name === name)?.value;
  return value?.kind === 'int' ? Number(value.value) : undefined;
}

export function intsAttribute(node: GraphNode, name: string): readonly number[] | undefined {
  const value = node.attributes.find((candidate) => candidate.name === name)?.value;
  return value?.kind === 'ints' ? value.value.map(Number) : undefined;
}

export function floatAttribute(node: GraphNode, name: string): number | undefined {
  const value = node.attributes.find((candidate) => candidate.name === name)?.value;
  return value?.kind === 'float' ? value.value : undefined;
}
