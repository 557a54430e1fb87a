import type { GraphNode } from '../codec/model.js';
import { describeNode, describeOperator } from '../codec/model.js';
import { OnnxAutogradError } from '../errors.js';
import type { Value } from '../graph/graph-builder.js';
import type { Operations } from '../graph/operations.js';
import { sumToShape } from '../graph/sum-to-shape.js';
import type { ActivePath } from './active-path.js';
import { type GradientRule, makeRuleContext } from './gradient-rule.js';

export interface BackwardPassOptions {
  readonly ops: Operations;
  readonly path: ActivePath;
  /** Gradient that enters at each output, by the output's name. */
  readonly cotangents: ReadonlyMap<Value, Value>;
  /** Looks up a node's rule; throws if there is none. */
  readonly ruleFor: (node: GraphNode) => GradientRule;
  /** Nodes of the path in the order in which they are differentiated. Default: last to first. */
  readonly order?: readonly GraphNode[];
  /**
   * Called before a node is differentiated, with a gradient that arrived at it; returns how forward
   * values are to be obtained. Default: as they are.
   */
  readonly enter?: (node: GraphNode, gradient: Value) => (name: Value) => Value;
}

/** Walks the path from the outputs to `wrt`, and returns the gradient of every active value. */
export function backwardPass(options: BackwardPassOptions): ReadonlyMap<Value, Value> {
  const { ops, path, cotangents, ruleFor } = options;
  const order = options.order ?? [...path.nodes].reverse();
  const arrivals = new Map<Value, Value[]>();
  for (const [name, gradient] of cotangents) arrivals.set(name, [gradient]);
  const gradients = new Map<Value, Value>();

  // All uses of a value come before its producer, so its arrivals are complete when it is asked for.
  const gradientOf = (name: Value): Value | undefined => {
    const known = gradients.get(name);
    if (known !== undefined) return known;
    const [first, ...rest] = arrivals.get(name) ?? [];
    if (first === undefined) return undefined;
    const sum = rest.reduce((total, gradient) => ops.add(total, gradient), first);
    gradients.set(name, sum);
    return sum;
  };

  for (const node of order) {
    const gradient = node.outputs.map(gradientOf).find((value) => value !== undefined);
    if (gradient === undefined) continue;
    ops.builder.prefix = `gradient/${describeNode(node)}`;
    const forwardValue = options.enter?.(node, gradient) ?? ((name: Value) => name);
    const rule = ruleFor(node);
    const isNeeded = (name: Value): boolean => path.values.has(name);
    const read = new Set<number>();
    const onGradientRead = (index: number): unknown => read.add(index);
    const results = rule(
      makeRuleContext({ node, ops, forwardValue, gradientOf, isNeeded, onGradientRead }),
    );
    for (const [index, name] of node.outputs.entries()) {
      if (!read.has(index) && gradientOf(name) !== undefined) refuseIgnored(node, index);
    }
    for (const [index, name] of node.inputs.entries()) {
      if (name === '' || !isNeeded(name)) continue;
      const result = results[index];
      if (result === undefined || result === null) refuseConstant(node, index);
      const summed = sumToShape(ops, result, name, () => forwardValue(name));
      arrivals.set(name, [...(arrivals.get(name) ?? []), summed]);
    }
  }
  ops.builder.prefix = 'gradient';
  for (const name of arrivals.keys()) gradientOf(name);
  return gradients;
}

/** A gradient that a rule does not look at would be lost in silence. */
function refuseIgnored(node: GraphNode, index: number): never {
  const { operator, domain } = node;
  throw new OnnxAutogradError(
    'unsupported',
    `A gradient arrives at output ${index} ("${node.outputs[index]}") of node "${describeNode(node)}", and the rule of ${describeOperator(operator, domain)} does not use it. Pass a rule of your own in differentiate(…, { rules }).`,
    { operator, domain, node: describeNode(node) },
  );
}

function refuseConstant(node: GraphNode, index: number): never {
  const { operator, domain } = node;
  throw new OnnxAutogradError(
    'unsupported',
    `The rule of ${describeOperator(operator, domain)} gives no gradient for input ${index} ("${node.inputs[index]}") of node "${describeNode(node)}", and that input depends on what is differentiated. Pass a rule of your own in differentiate(…, { rules }).`,
    { operator, domain, node: describeNode(node) },
  );
}
