import type { GraphNode, OnnxModel, Tensor } from '@iapo/onnx-autograd';

/** Constants of a graph by name: initializers, and what Constant nodes give. */
export class Constants {
  readonly #tensors = new Map<string, Tensor>();
  readonly #numbers = new Map<string, readonly number[]>();

  constructor({ graph }: OnnxModel) {
    for (const tensor of graph.initializers) this.#tensors.set(tensor.name, tensor);
    for (const node of graph.nodes) if (node.operator === 'Constant') this.#add(node);
  }

  /** Whether a value is a constant of one element. */
  isSingle(name: string): boolean {
    const dims = this.#tensors.get(name)?.dims;
    return this.#numbers.get(name)?.length === 1 || dims?.every((size) => size === 1) === true;
  }

  dims(name: string): readonly number[] | undefined {
    return this.#tensors.get(name)?.dims;
  }

  /** Elements of a small int64 constant; `undefined` for anything else. */
  ints(name: string): readonly number[] | undefined {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) return this.#numbers.get(name);
    if (tensor.type !== 'int64' || tensor.data.kind !== 'raw') return undefined;
    const { source, offset, length } = tensor.data.range;
    if (length > 64) return undefined;
    const bytes = source.read(offset, length);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Array.from({ length: length / 8 }, (_, index) =>
      Number(view.getBigInt64(8 * index, true)),
    );
  }

  #add({ attributes, outputs: [output = ''] }: GraphNode): void {
    for (const { value } of attributes) {
      if (value.kind === 'tensor') this.#tensors.set(output, value.value);
      else if (value.kind === 'int' || value.kind === 'float')
        this.#numbers.set(output, [Number(value.value)]);
      else if (value.kind === 'ints') this.#numbers.set(output, value.value.map(Number));
    }
  }
}
