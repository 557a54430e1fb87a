import type { OnnxModel } from '../codec/model.js';
import { listNames, OnnxAutogradError } from '../errors.js';
import { GraphBuilder } from '../graph/graph-builder.js';
import { Operations, operatorSupport } from '../graph/operations.js';
import { inTopologicalOrder } from '../graph/topological-order.js';

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
