import { join } from 'node:path';
import { chooseBranches, type GraphNode, type OnnxModel, type Tensor } from '@iapo/onnx-autograd';
import { VlmError } from '../errors.js';
import { FileBytes } from './file-bytes.js';
import { matrixName } from './matrix-names.js';
import { type MergeableType, MergedWeight, type WeightBytes } from './merged-weight.js';
import type { Adapter, LoraMatrix, LoraTarget } from './types.js';

/** Which node of a graph is which module. */
export interface ModuleNode {
  readonly module: string;
  /** Output of the module's product, as `findLinearNodes` of onnx-autograd gives it. */
  readonly output: string;
}

/**
 * Adds branches to the weights of a graph. Weights are computed when the model is written.
 *
 * @param nodes Where the modules are in the graph (in its branch without a past, if it has two).
 * @param targets The modules to merge; each must be among `nodes`.
 * @throws {VlmError} `unsupported` for weights that are not float32 or float16 matrices; `adapter` if a matrix
 * does not fit its layer.
 */
export function mergeIntoModel(
  model: OnnxModel,
  nodes: readonly ModuleNode[],
  targets: readonly LoraTarget[],
  adapter: Adapter,
): OnnxModel {
  const graph = new WeightGraph(model);
  const merged = new Map<string, Tensor>();
  for (const target of targets) {
    const output = nodes.find(({ module }) => module === target.module)?.output;
    const { tensor, isTransposed, factor } = graph.weightOf(target.module, output);
    if (merged.has(tensor.name)) throw shared(target.module, tensor.name);
    merged.set(tensor.name, withBranch(graph.model, tensor, isTransposed, factor, target, adapter));
  }
  const initializers = model.graph.initializers.map((tensor) => merged.get(tensor.name) ?? tensor);
  return { ...model, graph: { ...model.graph, initializers } };
}

interface FoundWeight {
  readonly tensor: Tensor;
  /** Whether it is stored `[out, in]`. */
  readonly isTransposed: boolean;
  /** What the node multiplies the product by. */
  readonly factor: number;
}

/** Finds the stored matrix behind a node's second operand. */
class WeightGraph {
  readonly model: OnnxModel;
  readonly #nodes = new Map<string, GraphNode>();
  readonly #initializers: ReadonlyMap<string, Tensor>;
  readonly #uses = new Map<string, number>();

  constructor(model: OnnxModel) {
    this.model = model;
    // Merged decoders keep their weights outside of both branches: what holds for one holds for the other.
    for (const node of chooseBranches(model).graph.nodes) {
      for (const output of node.outputs) this.#nodes.set(output, node);
      for (const input of node.inputs) this.#uses.set(input, (this.#uses.get(input) ?? 0) + 1);
    }
    this.#initializers = new Map(model.graph.initializers.map((tensor) => [tensor.name, tensor]));
  }

  weightOf(module: string, output: string | undefined): FoundWeight {
    const node = this.#nodes.get(output ?? '');
    if (node === undefined) {
      throw new VlmError('adapter', `The graph has no layer ${module}, which the adapter changes.`);
    }
    const layout = layouts[`${node.domain}.${node.operator}`]?.(node);
    if (layout === undefined || layout.factor === 0) {
      throw new VlmError(
        'unsupported',
        `${module} is a ${node.operator}, and an adapter can be merged only into float32 and float16 weights: quantizing the sum again would change the model. Merge into the fp32 or fp16 model and quantize that, or keep the adapter beside the quantized model.`,
      );
    }
    let { isTransposed } = layout;
    for (let name = node.inputs[1] ?? ''; ; ) {
      if ((this.#uses.get(name) ?? 0) > 1) throw shared(module, name);
      const tensor = this.#initializers.get(name);
      if (tensor !== undefined) return { tensor, isTransposed, factor: layout.factor };
      const producer = this.#nodes.get(name);
      if (producer?.operator === 'Transpose') isTransposed = !isTransposed;
      else if (producer?.operator !== 'Identity' && producer?.operator !== 'Cast') {
        throw new VlmError(
          'unsupported',
          `The weight ${name} of ${module} is ${producer === undefined ? 'inside a branch of the graph' : `made by ${producer.operator}`}, expected a stored matrix. Merge into an export with plain float32 or float16 weights.`,
        );
      }
      name = producer.inputs[0] ?? '';
    }
  }
}

type Layout = (node: GraphNode) => { readonly isTransposed: boolean; readonly factor: number };

const layouts: Readonly<Record<string, Layout>> = {
  '.MatMul': () => ({ isTransposed: false, factor: 1 }),
  '.Gemm': transposable,
  'com.microsoft.FusedMatMul': transposable,
};

function transposable(node: GraphNode): ReturnType<Layout> {
  const value = (name: string, otherwise: number): number => {
    const attribute = node.attributes.find((candidate) => candidate.name === name)?.value;
    if (attribute?.kind === 'int' || attribute?.kind === 'float') return Number(attribute.value);
    return otherwise;
  };
  return { isTransposed: value('transB', 0) === 1, factor: value('alpha', 1) };
}

function shared(module: string, weight: string): VlmError {
  return new VlmError(
    'unsupported',
    `The weight ${weight} of ${module} is used by another layer as well, which merging would change too. Keep the adapter beside the model.`,
  );
}

function withBranch(
  model: OnnxModel,
  tensor: Tensor,
  isTransposed: boolean,
  factor: number,
  { module, rank, scaling }: LoraTarget,
  { matrices }: Adapter,
): Tensor {
  const { type, dims, name } = tensor;
  if ((type !== 'float32' && type !== 'float16') || dims.length !== 2) {
    throw new VlmError(
      'unsupported',
      `The weight ${name} of ${module} is ${type ?? 'of an unknown type'} [${dims.join(', ')}], and an adapter can be merged only into float32 and float16 matrices.`,
    );
  }
  const [rows = 0, columns = 0] = dims;
  const [inFeatures, outFeatures] = isTransposed ? [columns, rows] : [rows, columns];
  const a = matrixOf(matrices, matrixName(module, 'A'), [rank, inFeatures]);
  const b = matrixOf(matrices, matrixName(module, 'B'), [outFeatures, rank]);
  // Stored [out, in]: B A. Stored [in, out]: its transpose, Aᵀ Bᵀ.
  const left = isTransposed ? b : transpose(a, rank, inFeatures);
  const right = isTransposed ? a : transpose(b, outFeatures, rank);
  const base = storedBytes(model, tensor, type, rows * columns);
  // The branch stands beside the node, so it is not multiplied by the node's factor.
  const source = new MergedWeight({
    ...{ name, type, base, rows, columns, rank, left, right },
    scaling: scaling / factor,
  });
  return { ...tensor, data: { kind: 'raw', range: { source, offset: 0, length: source.size } } };
}

function matrixOf(
  matrices: ReadonlyMap<string, LoraMatrix>,
  name: string,
  dims: readonly [number, number],
): Float32Array {
  const matrix = matrices.get(name);
  if (matrix?.dims[0] !== dims[0] || matrix.dims[1] !== dims[1]) {
    throw new VlmError(
      'adapter',
      `${name} has the shape [${matrix?.dims.join(', ') ?? 'missing'}], expected [${dims.join(', ')}]: the adapter was made for another model.`,
    );
  }
  return matrix.data;
}

function transpose(data: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[column * rows + row] = data[row * columns + column] ?? 0;
    }
  }
  return result;
}

function storedBytes(
  model: OnnxModel,
  { name, data }: Tensor,
  type: MergeableType,
  count: number,
): WeightBytes {
  const bytes = count * (type === 'float32' ? 4 : 2);
  if (data.kind === 'raw' && data.range.length === bytes) {
    const { source, offset } = data.range;
    return { size: bytes, path: undefined, read: (at, length) => source.read(offset + at, length) };
  }
  if (data.kind === 'external' && model.directory !== undefined) {
    return new FileBytes(join(model.directory, data.location), data.offset, bytes);
  }
  throw new VlmError(
    'unsupported',
    `The weight ${name} is not stored as raw bytes of its type. Save the model again with \`onnx.save\`, which writes raw data.`,
  );
}
