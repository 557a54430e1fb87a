import { isFloating } from '../codec/element-types.js';
import type { GraphNode } from '../codec/model.js';
import type { Value } from '../graph/graph-builder.js';
import { inputsOf } from '../graph/node-inputs.js';
import type { Inference } from '../inference/infer.js';
import { inputsWithoutGradient } from '../rules/inputs-without-gradient.js';

/** The part of a graph through which gradients flow. */
export interface ActivePath {
  /** Values that depend differentiably on `wrt` and on which an output depends. */
  readonly values: ReadonlySet<Value>;
  /** Nodes with an active input and an active output, in graph order. */
  readonly nodes: readonly GraphNode[];
}

/**
 * Finds what lies between `wrt` and `outputs`.
 *
 * Integers and booleans carry no gradient, nor does the output of a node that `stops` names.
 */
export function findActivePath(options: {
  readonly nodes: readonly GraphNode[];
  readonly inference: Inference;
  readonly wrt: readonly Value[];
  readonly outputs: readonly Value[];
  readonly stops: (node: GraphNode) => boolean;
}): ActivePath {
  const { nodes, inference, wrt, outputs, stops } = options;
  const isDiscrete = (name: Value): boolean => {
    const { type } = inference.info(name);
    return type !== undefined && !isFloating(type);
  };
  const reached = new Set<Value>(wrt.filter((name) => !isDiscrete(name)));
  const candidates: GraphNode[] = [];
  for (const node of nodes) {
    if (stops(node) || !movingInputsOf(node).some((name) => reached.has(name))) continue;
    let isReached = false;
    for (const output of node.outputs) {
      if (output === '' || isDiscrete(output)) continue;
      reached.add(output);
      isReached = true;
    }
    if (isReached) candidates.push(node);
  }
  const wanted = new Set<Value>(outputs);
  const active: GraphNode[] = [];
  for (const node of candidates.reverse()) {
    if (!node.outputs.some((name) => wanted.has(name) && reached.has(name))) continue;
    active.push(node);
    for (const name of movingInputsOf(node)) if (reached.has(name)) wanted.add(name);
  }
  active.reverse();
  return { values: new Set([...reached].filter((name) => wanted.has(name))), nodes: active };
}

/** Inputs of a node with which its outputs may move. */
function movingInputsOf(node: GraphNode): readonly Value[] {
  const still = inputsWithoutGradient[node.domain]?.[node.operator];
  return still === undefined
    ? inputsOf(node)
    : node.inputs.filter((_, index) => !still.includes(index));
}
