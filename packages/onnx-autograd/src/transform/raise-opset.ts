import type {
  Attribute,
  AttributeValue,
  Graph,
  GraphNode,
  OnnxModel,
  Tensor,
} from '../codec/model.js';
import { describeNode } from '../codec/model.js';
import { makeTensor } from '../codec/tensor-values.js';
import { OnnxAutogradError } from '../errors.js';
import { makeAttributes } from '../graph/attributes.js';

/** Oldest ai.onnx operator set that gradient graphs are written in: scattering with addition came in 16. */
const oldestOpset = 17;

/** Operator set in which `DequantizeLinear` learned blocks and 4-bit numbers. */
export const blockQuantizationOpset = 21;

/** Reductions whose axes operator set 18 moved from an attribute to an input. */
const reductions: ReadonlySet<string> = new Set([
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSum',
  'ReduceLogSumExp',
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceProd',
  'ReduceSumSquare',
]);

/** Operators whose meaning changed on the way, so that a number alone does not bring them over. */
const changedMeaning: ReadonlyMap<string, number> = new Map([
  ['RoiAlign', 16],
  ['GroupNormalization', 21],
]);

/**
 * Brings a model of an older ai.onnx operator set to a newer one, where a gradient graph can be added to it.
 *
 * Operator set 13 moved the axes of Squeeze, Unsqueeze and ReduceSum and the sizes of Split from attributes
 * to inputs and made Softmax work on one axis; 18 moved the axes of the other reductions and made Split say
 * how many parts it makes. Between these, operators keep their meaning, but for a few that are refused.
 *
 * @param minimum Operator set to reach. Default 17; a model that has it is returned as it is.
 * @throws {OnnxAutogradError} `unsupported` below 11, or where an operator cannot be brought over.
 */
export function raiseOpset(model: OnnxModel, minimum: number = oldestOpset): OnnxModel {
  const version = model.opsetImports.get('') ?? 1;
  if (version >= minimum) return model;
  if (version < 11) {
    throw new OnnxAutogradError(
      'unsupported',
      `The model uses operator set ${version} of ai.onnx; gradients need 11 or newer. Export it again.`,
    );
  }
  const added: Tensor[] = [];
  const graph = raiseGraph(model.graph, { from: version, to: minimum, added });
  return {
    ...model,
    // Operator set 17 came with IR version 8, 21 with 10.
    irVersion: Math.max(model.irVersion, minimum > 20 ? 10 : 8),
    opsetImports: new Map(model.opsetImports).set('', minimum),
    graph: { ...graph, initializers: [...graph.initializers, ...added] },
  };
}

interface Change {
  readonly from: number;
  readonly to: number;
  /** Constants that nodes now take as inputs. */
  readonly added: Tensor[];
}

function raiseGraph(graph: Graph, change: Change): Graph {
  return {
    ...graph,
    nodes: graph.nodes.flatMap((node) => raiseNode(raiseSubgraphs(node, change), change)),
  };
}

function raiseSubgraphs(node: GraphNode, change: Change): GraphNode {
  const raised = (value: AttributeValue): AttributeValue => {
    if (value.kind === 'graph') return { kind: 'graph', value: raiseGraph(value.value, change) };
    if (value.kind !== 'graphs') return value;
    return { kind: 'graphs', value: value.value.map((graph) => raiseGraph(graph, change)) };
  };
  if (node.attributes.every(({ value }) => value.kind !== 'graph' && value.kind !== 'graphs'))
    return node;
  return {
    ...node,
    attributes: node.attributes.map((attribute) => ({
      ...attribute,
      value: raised(attribute.value),
    })),
  };
}

function raiseNode(node: GraphNode, change: Change): GraphNode | GraphNode[] {
  if (node.domain !== '') return node;
  const crosses = (version: number): boolean => change.from < version && change.to >= version;
  const changedAt = changedMeaning.get(node.operator);
  if (changedAt !== undefined && crosses(changedAt)) return refuse(node, change);
  switch (node.operator) {
    case 'Squeeze':
    case 'Unsqueeze':
    case 'ReduceSum':
      return crosses(13) ? attributeToInput(node, 'axes', change.added) : node;
    case 'Split':
      return raiseSplit(
        crosses(13) ? attributeToInput(node, 'split', change.added) : node,
        crosses(18),
      );
    case 'Softmax':
    case 'LogSoftmax':
    case 'Hardmax':
      return crosses(13) ? onOneAxis(node) : node;
    case 'Dropout':
      // Dropout does nothing outside of training; its rate moved from an attribute to an input.
      return crosses(12) ? { ...node, attributes: without(node.attributes, 'ratio') } : node;
    case 'GridSample':
      return crosses(20) ? renameMode(node) : node;
    default:
      return reductions.has(node.operator) && crosses(18)
        ? attributeToInput(node, 'axes', change.added)
        : node;
  }
}

function raiseSplit(node: GraphNode, isCrossing: boolean): GraphNode {
  if (!isCrossing || (node.inputs[1] ?? '') !== '') return node;
  const count = makeAttributes({ num_outputs: node.outputs.length });
  return { ...node, attributes: [...without(node.attributes, 'num_outputs'), ...count] };
}

function attributeToInput(node: GraphNode, name: string, added: Tensor[]): GraphNode {
  const attribute = node.attributes.find((candidate) => candidate.name === name);
  if (attribute?.value.kind !== 'ints') return node;
  const values = attribute.value.value.map(Number);
  const tensor = makeTensor(`${node.outputs[0]}/${name}`, 'int64', [values.length], values);
  added.push(tensor);
  return {
    ...node,
    inputs: [node.inputs[0] ?? '', tensor.name],
    attributes: without(node.attributes, name),
  };
}

/**
 * Before 13, axes from `axis` on (1 if it is left out) were flattened into one. Where it is not the last axis
 * for certain, the node becomes one on a flattened tensor.
 */
function onOneAxis(node: GraphNode): GraphNode[] {
  const axis = node.attributes.find(({ name }) => name === 'axis')?.value;
  if (axis?.kind === 'int' && axis.value === -1n) return [node];
  const [input = ''] = node.inputs;
  const [output = ''] = node.outputs;
  const start = axis?.kind === 'int' ? axis.value : 1n;
  const made = (
    operator: string,
    inputs: readonly string[],
    suffix: string,
    attributes: Attribute[] = [],
  ): GraphNode => {
    const name = suffix === '' ? output : `${output}/${suffix}`;
    return { name, operator, domain: '', inputs, outputs: [name], attributes, other: [] };
  };
  return [
    made('Shape', [input], 'shape'),
    made('Flatten', [input], 'flat', makeAttributes({ axis: Number(start) })),
    made(node.operator, [`${output}/flat`], 'rows', makeAttributes({ axis: -1 })),
    made('Reshape', [`${output}/rows`, `${output}/shape`], ''),
  ];
}

/** Names that GridSample's ways of reading between pixels were given in operator set 20. */
const samplingModes: Readonly<Record<string, string>> = { bilinear: 'linear', bicubic: 'cubic' };

function renameMode(node: GraphNode): GraphNode {
  const mode = node.attributes.find(({ name }) => name === 'mode')?.value;
  if (mode?.kind !== 'string') return node;
  const renamed = samplingModes[Buffer.from(mode.value).toString()];
  if (renamed === undefined) return node;
  return {
    ...node,
    attributes: [...without(node.attributes, 'mode'), ...makeAttributes({ mode: renamed })],
  };
}

function without(attributes: readonly Attribute[], name: string): Attribute[] {
  return attributes.filter((attribute) => attribute.name !== name);
}

function refuse(node: GraphNode, { from, to }: Change): never {
  throw new OnnxAutogradError(
    'unsupported',
    `${node.operator} node "${describeNode(node)}" means something else in operator set ${from} than in ${to}. Export the model with operator set ${to} or newer.`,
    { operator: node.operator, domain: node.domain, node: describeNode(node) },
  );
}
