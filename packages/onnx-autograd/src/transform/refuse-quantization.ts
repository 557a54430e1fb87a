import { isFloating } from '../codec/element-types.js';
import type { GraphNode } from '../codec/model.js';
import { describeNode, describeOperator } from '../codec/model.js';
import { OnnxAutogradError } from '../errors.js';
import type { Value } from '../graph/graph-builder.js';
import { inputsOf } from '../graph/node-inputs.js';
import type { Inference } from '../inference/infer.js';

const quantizers: ReadonlySet<string> = new Set(['QuantizeLinear', 'DynamicQuantizeLinear']);

/**
 * Stops where an activation is rounded to integers between `wrt` and `outputs`: its gradient would be lost in
 * silence, since integers carry none, while that of other branches, such as residual streams, arrives.
 *
 * @throws {OnnxAutogradError} `unsupported`, with the node.
 */
export function refuseQuantization(options: {
  readonly nodes: readonly GraphNode[];
  readonly inference: Inference;
  readonly wrt: readonly Value[];
  readonly outputs: readonly Value[];
  /** Nodes that the caller has a rule for. */
  readonly isExempt: (node: GraphNode) => boolean;
}): void {
  const { nodes, inference, wrt, outputs, isExempt } = options;
  if (!nodes.some(({ operator }) => quantizers.has(operator))) return;
  const needed = new Set<Value>(outputs);
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    for (const input of inputsOf(node)) needed.add(input);
  }
  const reached = new Set<Value>(wrt);
  for (const node of nodes) {
    if (!inputsOf(node).some((input) => reached.has(input))) continue;
    const isNeeded = node.outputs.some((output) => needed.has(output));
    const isRounded = quantizers.has(node.operator) && reached.has(node.inputs[0] ?? '');
    if (isNeeded && isRounded && !isExempt(node)) refuse(node);
    for (const output of node.outputs) {
      const { type } = inference.info(output);
      if (output !== '' && (type === undefined || isFloating(type))) reached.add(output);
    }
  }
}

function refuse(node: GraphNode): never {
  const { operator, domain } = node;
  throw new OnnxAutogradError(
    'unsupported',
    `${describeOperator(operator, domain)} node "${describeNode(node)}" rounds an activation to integers, and what follows is not one of the forms that are brought back to floats (MatMulInteger with Cast and Mul, MatMulIntegerToFloat, DynamicQuantizeMatMul, DequantizeLinear). Use an fp32, fp16 or q4 export of the model.`,
    { operator, domain, node: describeNode(node) },
  );
}
