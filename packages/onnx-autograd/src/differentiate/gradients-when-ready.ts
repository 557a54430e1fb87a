import type { GraphNode } from '../codec/model.js';
import { inputsOf } from '../graph/node-inputs.js';

/**
 * Puts the nodes that only lead to one of the given outputs at the end, those that can run first last.
 *
 * ONNX Runtime orders a graph by a depth-first walk from its last leaf (`GraphViewer`, default order). Gradients
 * of parameters are leaves that come up from the last layer to the first: in that order the walk begins with
 * the first layer, goes back through the whole network, and keeps every activation for the leaves that follow.
 * In reverse, each gradient is computed as soon as its layer has been reached, and its activations are free.
 *
 * @param nodes In topological order; so is the result.
 */
export function gradientsWhenReady(
  nodes: readonly GraphNode[],
  outputs: readonly string[],
): GraphNode[] {
  const consumers = new Map<string, number>();
  for (const node of nodes)
    for (const name of inputsOf(node)) consumers.set(name, (consumers.get(name) ?? 0) + 1);
  const ends = new Set(outputs);
  /** Group of each value that only one output needs. */
  const groups = new Map<string, string>();
  const groupOf = (node: GraphNode): string | undefined => {
    let group: string | undefined;
    for (const name of node.outputs) {
      if (name === '') continue;
      const own = ends.has(name) ? name : groups.get(name);
      if (own === undefined || (group !== undefined && group !== own)) return undefined;
      group = own;
    }
    return group;
  };
  const seen = new Map<string, { group: string; count: number }>();
  const tails = new Map<string, GraphNode[]>();
  const rest: GraphNode[] = [];
  for (const node of [...nodes].reverse()) {
    const group = groupOf(node);
    if (group === undefined) {
      rest.push(node);
      continue;
    }
    const tail = tails.get(group);
    if (tail === undefined) tails.set(group, [node]);
    else tail.push(node);
    for (const name of inputsOf(node)) {
      const known = seen.get(name);
      if (known !== undefined && known.group !== group) continue;
      const count = (known?.count ?? 0) + 1;
      seen.set(name, { group, count });
      if (count === consumers.get(name)) groups.set(name, group);
    }
  }
  const place = new Map(nodes.map((node, index) => [node, index]));
  const first = (tail: readonly GraphNode[]): number => place.get(tail.at(-1) ?? nodes[0]!) ?? 0;
  const ordered = [...tails.values()].sort((a, b) => first(b) - first(a));
  return [...rest.reverse(), ...ordered.flatMap((tail) => tail.reverse())];
}
