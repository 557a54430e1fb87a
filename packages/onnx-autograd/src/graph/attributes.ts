import type { Attribute, AttributeValue, Graph, GraphNode, Tensor } from '../codec/model.js';
import { describeNode, describeOperator } from '../codec/model.js';
import { OnnxAutogradError } from '../errors.js';

/** What an attribute may be given as when a node is made: integers are numbers that are whole. */
export type AttributeInput =
  | { readonly int: number | bigint }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly (number | bigint)[] }
  | { readonly floats: readonly number[] }
  | { readonly tensor: Tensor };

/** Makes the attribute list of a node. Numbers alone are integers: write `{ float: 1 }` for a float. */
export function makeAttributes(
  inputs: Readonly<
    Record<string, AttributeInput | number | string | readonly number[] | undefined>
  >,
): Attribute[] {
  const attributes: Attribute[] = [];
  for (const [name, input] of Object.entries(inputs)) {
    if (input !== undefined) attributes.push({ name, value: makeValue(input), other: [] });
  }
  return attributes;
}

function makeValue(input: AttributeInput | number | string | readonly number[]): AttributeValue {
  if (typeof input === 'number') return { kind: 'int', value: BigInt(input) };
  if (typeof input === 'string') return { kind: 'string', value: Buffer.from(input) };
  if (Array.isArray(input)) return { kind: 'ints', value: input.map(BigInt) };
  const value = input as AttributeInput;
  if ('int' in value) return { kind: 'int', value: BigInt(value.int) };
  if ('float' in value) return { kind: 'float', value: value.float };
  if ('string' in value) return { kind: 'string', value: Buffer.from(value.string) };
  if ('ints' in value) return { kind: 'ints', value: value.ints.map(BigInt) };
  if ('floats' in value) return { kind: 'floats', value: value.floats };
  return { kind: 'tensor', value: value.tensor };
}

/** Reads the attributes of one node by name, with ONNX's default where one is left out. */
export class AttributeReader {
  readonly #node: GraphNode;

  constructor(node: GraphNode) {
    this.#node = node;
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  int(name: string, fallback: number): number;
  int(name: string): number | undefined;
  int(name: string, fallback?: number): number | undefined {
    const value = this.#find(name);
    if (value === undefined) return fallback;
    return value.kind === 'int' ? Number(value.value) : this.#refuse(name, 'an integer', value);
  }

  float(name: string, fallback: number): number;
  float(name: string): number | undefined;
  float(name: string, fallback?: number): number | undefined {
    const value = this.#find(name);
    if (value === undefined) return fallback;
    return value.kind === 'float' ? value.value : this.#refuse(name, 'a float', value);
  }

  string(name: string, fallback: string): string {
    const value = this.#find(name);
    if (value === undefined) return fallback;
    return value.kind === 'string'
      ? Buffer.from(value.value).toString('utf8')
      : this.#refuse(name, 'a string', value);
  }

  ints(name: string): number[] | undefined {
    const value = this.#find(name);
    if (value === undefined) return undefined;
    if (value.kind === 'ints') return value.value.map(Number);
    // An empty list has no type of its own in some exporters' files.
    return value.kind === 'floats' && value.value.length === 0
      ? []
      : this.#refuse(name, 'a list of integers', value);
  }

  floats(name: string): readonly number[] | undefined {
    const value = this.#find(name);
    if (value === undefined) return undefined;
    return value.kind === 'floats' ? value.value : this.#refuse(name, 'a list of floats', value);
  }

  tensor(name: string): Tensor | undefined {
    const value = this.#find(name);
    if (value === undefined) return undefined;
    return value.kind === 'tensor' ? value.value : this.#refuse(name, 'a tensor', value);
  }

  graph(name: string): Graph | undefined {
    const value = this.#find(name);
    if (value === undefined) return undefined;
    return value.kind === 'graph' ? value.value : this.#refuse(name, 'a graph', value);
  }

  #find(name: string): AttributeValue | undefined {
    return this.#node.attributes.find((attribute) => attribute.name === name)?.value;
  }

  #refuse(name: string, expected: string, value: AttributeValue): never {
    const { operator, domain } = this.#node;
    throw new OnnxAutogradError(
      'malformed-model',
      `Attribute "${name}" of ${describeOperator(operator, domain)} node "${describeNode(this.#node)}" must be ${expected}, got ${value.kind}.`,
      { operator, domain, node: describeNode(this.#node) },
    );
  }
}
