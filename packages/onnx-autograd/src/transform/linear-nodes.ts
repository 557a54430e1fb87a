import type { GraphNode, OnnxModel } from '../codec/model.js';
import { AttributeReader } from '../graph/attributes.js';
import { inputsOf } from '../graph/node-inputs.js';
import { inTopologicalOrder } from '../graph/topological-order.js';
import { inferGraph } from '../inference/infer.js';
import { knownShape } from '../inference/tensor-info.js';

/** A product of an activation with a weight matrix: where a LoRA branch can be put. */
export interface LinearNode {
  /** Name of the node's output, which identifies it. */
  readonly output: string;
  /** Name of the node, often the path of the module it came from; may be empty. */
  readonly name: string;
  readonly operator: string;
  /** Name of the weight, or of the tensor that is made from it. */
  readonly weight: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
}

/**
 * The linear layers of a graph in order: MatMul, Gemm, FusedMatMul, MatMulNBits and MatMulBnb4 whose second operand comes
 * from initializers alone.
 */
export function findLinearNodes(model: OnnxModel): LinearNode[] {
  const { graph } = inTopologicalOrder(model);
  const inference = inferGraph({ ...model, graph });
  const constants = new Set(graph.initializers.map(({ name }) => name));
  const linear: LinearNode[] = [];
  for (const node of graph.nodes) {
    const isConstant = inputsOf(node).every((name) => name === '' || constants.has(name));
    if (isConstant) for (const output of node.outputs) constants.add(output);
    const weight = node.inputs[1] ?? '';
    if (isConstant || !constants.has(weight) || constants.has(node.inputs[0] ?? '')) continue;
    const sizes = linearSizes(node, knownShape(inference.info(weight)));
    if (sizes === undefined) continue;
    linear.push({
      output: node.outputs[0] ?? '',
      name: node.name,
      operator: node.operator,
      weight,
      inFeatures: sizes[0],
      outFeatures: sizes[1],
    });
  }
  return linear;
}

function linearSizes(
  node: GraphNode,
  shape: readonly (number | string)[] | undefined,
): readonly [inFeatures: number, outFeatures: number] | undefined {
  const attributes = new AttributeReader(node);
  if (node.operator === 'MatMulNBits' || node.operator === 'MatMulBnb4')
    return [attributes.int('K', 0), attributes.int('N', 0)];
  const [rows, columns] = shape ?? [];
  if (shape?.length !== 2 || typeof rows !== 'number' || typeof columns !== 'number')
    return undefined;
  switch (node.operator) {
    case 'MatMul':
      return [rows, columns];
    case 'Gemm':
      if (attributes.int('transA', 0) === 1) return undefined;
      return attributes.int('transB', 0) === 1 ? [columns, rows] : [rows, columns];
    case 'FusedMatMul':
      if (attributes.int('transA', 0) === 1) return undefined;
      return attributes.int('transB', 0) === 1 ? [columns, rows] : [rows, columns];
    default:
      return undefined;
  }
}
