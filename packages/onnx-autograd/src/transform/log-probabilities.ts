import type { GraphNode, OnnxModel } from '../codec/model.js';
import { describeNode, describeOperator } from '../codec/model.js';
import { listNames, OnnxAutogradError } from '../errors.js';
import { GraphBuilder } from '../graph/graph-builder.js';
import { inputsOf } from '../graph/node-inputs.js';
import { Operations, operatorSupport } from '../graph/operations.js';
import { inTopologicalOrder } from '../graph/topological-order.js';

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
  const { node: head, tail } = findHead(sorted, output);
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
    if (node !== head) {
      builder.addNode(node);
      continue;
    }
    const rank = ops.rankOf(hidden);
    if (rank !== undefined && rank !== 3) {
      throw new OnnxAutogradError(
        'unsupported',
        `The last product before "${output}" (node "${describeNode(head)}") works on a tensor of rank ${rank}; expected [batch, sequence, hidden].`,
        { node: describeNode(head), operator: head.operator, domain: head.domain },
      );
    }
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
function findHead(model: OnnxModel, output: string): { node: GraphNode; tail: GraphNode[] } {
  const producers = new Map(
    model.graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)),
  );
  const constants = constantValues(model);
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

function constantValues(model: OnnxModel): ReadonlySet<string> {
  const constants = new Set(model.graph.initializers.map(({ name }) => name));
  for (const node of model.graph.nodes) {
    if (inputsOf(node).every((input) => input === '' || constants.has(input))) {
      for (const output of node.outputs) constants.add(output);
    }
  }
  return constants;
}

export interface AddLogProbabilitiesOptions {
  /** Logits `[…, vocabulary]`. Default `'logits'`. */
  readonly logits?: string;
  /** Name of the new input: int64, the token to score in each row of logits. Default `'target_ids'`. */
  readonly targets?: string;
  /** Name of the new input: float32 scalar by which logits are divided. Default `'temperature'`. */
  readonly temperature?: string;
  /** Name of the new output. Default `'logprobs'`. */
  readonly output?: string;
  /** Also adds an output of this name: −Σ p ln p of each row, in nats. Default: none. */
  readonly entropy?: string;
  /** Execution provider that the graph is written for. Default `'cpu'`. */
  readonly target?: keyof typeof operatorSupport;
}

/**
 * Adds log-probabilities of given tokens, `ln softmax(logits / temperature)[target]`, in nats.
 *
 * Logits of half precision are widened first.
 */
export function addLogProbabilities(
  model: OnnxModel,
  options: AddLogProbabilitiesOptions = {},
): OnnxModel {
  const {
    logits = 'logits',
    targets = 'target_ids',
    temperature = 'temperature',
    output = 'logprobs',
  } = options;
  const sorted = inTopologicalOrder(model);
  const builder = new GraphBuilder(sorted);
  if (!builder.has(logits)) {
    throw new OnnxAutogradError(
      'unknown-name',
      `The graph has no value named "${logits}". Outputs: ${listNames(sorted.graph.outputs.map(({ name }) => name))}.`,
    );
  }
  const ops = new Operations(builder, operatorSupport[options.target ?? 'cpu']);
  builder.prefix = output;
  const declared = sorted.graph.outputs.find(({ name }) => name === logits);
  const info = builder.inference.info(logits);
  if (info.type === undefined)
    builder.inference.set(logits, { ...info, type: declared?.type ?? 'float32' });
  const rows = builder.describe(logits).shape?.slice(0, -1);
  builder.addInput({
    name: targets,
    type: 'int64',
    shape: rows,
    encodedType: undefined,
    other: [],
  });
  const wide = ops.typeOf(logits) === 'float64' ? logits : ops.cast(logits, 'float32');
  builder.addInput({
    name: temperature,
    type: ops.typeOf(wide),
    shape: [],
    encodedType: undefined,
    other: [],
  });
  const logSoftmax = ops.logSoftmax(ops.div(wide, temperature), -1);
  const picked = ops.emit('GatherElements', [logSoftmax, ops.unsqueeze(targets, [-1])], {
    attributes: { axis: -1 },
  });
  builder.emit('Squeeze', [picked, ops.int64([-1])], { outputs: [output] });
  const outputs = [...sorted.graph.outputs, { ...builder.describe(output), shape: rows }];
  if (options.entropy !== undefined) {
    const weighted = ops.mul(ops.exp(logSoftmax), logSoftmax);
    builder.emit('Neg', [ops.reduceSum(weighted, [-1], false)], { outputs: [options.entropy] });
    outputs.push({ ...builder.describe(options.entropy), shape: rows });
  }
  return builder.build({ outputs });
}
