import type { GraphNode, OnnxModel } from '../codec/model.js';
import { describeNode, describeOperator } from '../codec/model.js';
import { listNames, OnnxAutogradError } from '../errors.js';
import { AttributeReader } from '../graph/attributes.js';
import { GraphBuilder } from '../graph/graph-builder.js';
import { inputsOf } from '../graph/node-inputs.js';
import { Operations } from '../graph/operations.js';
import { inTopologicalOrder } from '../graph/topological-order.js';
import type { Inference } from '../inference/infer.js';
import { knownShape } from '../inference/tensor-info.js';

const products: ReadonlySet<string> = new Set(['MatMul', 'Gemm', 'FusedMatMul', 'MatMulNBits']);

/** What may lie between the last product and the output: each row is treated alone, in any rank. */
const rowwise: ReadonlySet<string> = new Set([
  'Cast',
  'Identity',
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Tanh',
  'Neg',
]);

export interface GatherBeforeLastMatMulOptions {
  /** Output to cut down. Default `'logits'`. */
  readonly output?: string;
  /** Name of the new input: int64 `[N, 2]`, row and position of each wanted token. Default `'logit_positions'`. */
  readonly positions?: string;
}

/**
 * Picks hidden states at chosen positions before the last product (`lm_head`), so that logits exist only
 * where they are wanted: the output becomes `[N, vocabulary]` instead of `[batch, sequence, vocabulary]`.
 *
 * With a vocabulary of 151,936 every row of logits takes 0.6 MB, three times while going back.
 *
 * @throws {OnnxAutogradError} `unsupported` if no product leads to the output row by row.
 */
export function gatherBeforeLastMatMul(
  model: OnnxModel,
  options: GatherBeforeLastMatMulOptions = {},
): OnnxModel {
  const { output = 'logits', positions = 'logit_positions' } = options;
  const sorted = inTopologicalOrder(model);
  const constants = constantValues(sorted);
  const { node: head, tail } = findHead(sorted, output, constants);
  const hidden = head.inputs[0] ?? '';
  const builder = new GraphBuilder(sorted, []);
  const ops = new Operations(builder);
  builder.addInput({
    name: positions,
    type: 'int64',
    shape: ['logit_count', 2],
    encodedType: undefined,
    other: [],
  });
  for (const node of sorted.graph.nodes) {
    if (tail.includes(node)) requireRowConstants(node, constants, builder.inference);
    if (node !== head) {
      builder.addNode(node);
      continue;
    }
    requireRows(head, builder.inference);
    const picked = ops.emit('GatherND', [hidden, positions], {
      outputs: [builder.freshName('picked_hidden_states')],
    });
    builder.addNode({ ...head, inputs: [picked, ...head.inputs.slice(1)] });
  }
  // Sizes that the file declares for what has changed are wrong from here on.
  const changed = new Set([...tail, head].flatMap((node) => node.outputs));
  const built = builder.build({
    outputs: sorted.graph.outputs.map((value) =>
      value.name === output ? { ...builder.describe(output), type: value.type } : value,
    ),
  });
  const valueInfo = built.graph.valueInfo.filter(({ name }) => !changed.has(name));
  return { ...built, graph: { ...built.graph, valueInfo } };
}

/** Walks back from an output through row-wise operators to the product before them. */
function findHead(
  model: OnnxModel,
  output: string,
  constants: ReadonlySet<string>,
): { node: GraphNode; tail: GraphNode[] } {
  const producers = new Map(
    model.graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)),
  );
  const tail: GraphNode[] = [];
  let name = output;
  for (;;) {
    const node = producers.get(name);
    if (node === undefined) {
      throw new OnnxAutogradError(
        'unknown-name',
        `"${name}" is computed by no node; \`output\` must be an output that a product leads to. Outputs: ${listNames(model.graph.outputs.map((value) => value.name))}.`,
      );
    }
    if (products.has(node.operator)) return { node, tail };
    const varying = node.inputs.filter((input) => input !== '' && !constants.has(input));
    // Soft-capping divides, bends and multiplies one value.
    if (!rowwise.has(node.operator) || varying.length !== 1) {
      throw new OnnxAutogradError(
        'unsupported',
        `Between the last product and "${output}" stands ${describeOperator(node.operator, node.domain)} (node "${describeNode(node)}"), which does not treat each row alone.`,
        { node: describeNode(node), operator: node.operator, domain: node.domain },
      );
    }
    tail.push(node);
    name = varying[0] ?? '';
  }
}

/** The product must take `[batch, sequence, hidden]` to a matrix of weights. */
function requireRows(head: GraphNode, inference: Inference): void {
  const [hidden, weight] = [0, 1].map(
    (index) => knownShape(inference.info(head.inputs[index] ?? ''))?.length,
  );
  if (hidden !== undefined && hidden !== 3) {
    refuse(head, `works on a tensor of rank ${hidden}; expected [batch, sequence, hidden]`);
  }
  const hasMatrix = head.operator === 'MatMul' || head.operator === 'FusedMatMul';
  if (hasMatrix && weight !== undefined && weight !== 2) {
    refuse(head, `multiplies by a tensor of rank ${weight}; expected a matrix`);
  }
  if (new AttributeReader(head).int('transA', 0) === 1) refuse(head, 'transposes hidden states');
}

/** Constants of the tail must be the same for each row: a number, or one for each token of the vocabulary. */
function requireRowConstants(
  node: GraphNode,
  constants: ReadonlySet<string>,
  inference: Inference,
): void {
  for (const input of node.inputs) {
    const shape = constants.has(input) ? knownShape(inference.info(input)) : undefined;
    if (shape === undefined) continue;
    if (shape.length <= 2 && shape.slice(0, -1).every((size) => size === 1)) continue;
    refuse(
      node,
      `has a constant of shape [${shape.join(', ')}]; expected one number, or one for each token`,
    );
  }
}

function refuse(node: GraphNode, problem: string): never {
  throw new OnnxAutogradError(
    'unsupported',
    `${describeOperator(node.operator, node.domain)} node "${describeNode(node)}" ${problem}; hidden states cannot be picked before it.`,
    { node: describeNode(node), operator: node.operator, domain: node.domain },
  );
}

function constantValues(model: OnnxModel): ReadonlySet<string> {
  const constants = new Set(model.graph.initializers.map(({ name }) => name));
  for (const node of model.graph.nodes) {
    if (inputsOf(node).every((input) => input === '' || constants.has(input))) {
      for (const output of node.outputs) constants.add(output);
    }
  }
  return constants;
}
