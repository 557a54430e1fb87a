import type { Attribute, GraphNode, OnnxModel, Tensor } from '../codec/model.js';
import { describeNode } from '../codec/model.js';
import { makeTensor } from '../codec/tensor-values.js';
import { OnnxAutogradError } from '../errors.js';

/** Oldest ai.onnx operator set that gradient graphs are written in: scattering with addition came in 16. */
const oldestOpset = 17;

/** Operators whose meaning changed between 13 and 17; none is met in language models. */
const changedMeaning: ReadonlySet<string> = new Set(['RoiAlign', 'BatchNormalization']);

/**
 * Brings a model of operator set 11 to 16 to 17, where a gradient graph can be added to it.
 *
 * From 13 to 17 existing operators keep their meaning. Operator set 13 moved the axes of Squeeze, Unsqueeze
 * and ReduceSum and the sizes of Split from attributes to inputs, and made Softmax work on one axis.
 *
 * @throws {OnnxAutogradError} `unsupported` below 11, or where an operator cannot be brought over.
 */
export function raiseOpset(model: OnnxModel): OnnxModel {
  const version = model.opsetImports.get('') ?? 1;
  if (version >= oldestOpset) return model;
  if (version < 11) {
    throw new OnnxAutogradError(
      'unsupported',
      `The model uses operator set ${version} of ai.onnx; gradients need 11 or newer. Export it again.`,
    );
  }
  const initializers: Tensor[] = [...model.graph.initializers];
  const nodes = model.graph.nodes.map((node): GraphNode => {
    if (node.domain !== '') return node;
    if (changedMeaning.has(node.operator) && node.operator === 'RoiAlign') refuse(node, version);
    if (version >= 13) return node;
    switch (node.operator) {
      case 'Squeeze':
      case 'Unsqueeze':
      case 'ReduceSum':
        return attributeToInput(node, 'axes', initializers);
      case 'Split':
        return attributeToInput(node, 'split', initializers);
      case 'Softmax':
      case 'LogSoftmax':
      case 'Hardmax':
        return lastAxisOnly(node, version);
      default:
        return node;
    }
  });
  const opsetImports = new Map(model.opsetImports).set('', oldestOpset);
  // Operator set 17 came with IR version 8.
  return {
    ...model,
    irVersion: Math.max(model.irVersion, 8),
    opsetImports,
    graph: { ...model.graph, nodes, initializers },
  };
}

function attributeToInput(node: GraphNode, name: string, initializers: Tensor[]): GraphNode {
  const attribute = node.attributes.find((candidate) => candidate.name === name);
  if (attribute?.value.kind !== 'ints') return node;
  const values = attribute.value.value.map(Number);
  const tensor = makeTensor(`${describeNode(node)}/${name}`, 'int64', [values.length], values);
  initializers.push(tensor);
  return {
    ...node,
    inputs: [node.inputs[0] ?? '', tensor.name],
    attributes: without(node.attributes, name),
  };
}

/** The old default axis is 1, and axes after it were flattened into it: equal only for the last axis. */
function lastAxisOnly(node: GraphNode, version: number): GraphNode {
  const axis = node.attributes.find(({ name }) => name === 'axis')?.value;
  if (axis?.kind === 'int' && axis.value === -1n) return node;
  return refuse(node, version);
}

function without(attributes: readonly Attribute[], name: string): Attribute[] {
  return attributes.filter((attribute) => attribute.name !== name);
}

function refuse(node: GraphNode, version: number): never {
  throw new OnnxAutogradError(
    'unsupported',
    `${node.operator} node "${describeNode(node)}" means something else in operator set ${version} than in ${oldestOpset}. Export the model with operator set ${oldestOpset} or newer.`,
    { operator: node.operator, domain: node.domain, node: describeNode(node) },
  );
}
