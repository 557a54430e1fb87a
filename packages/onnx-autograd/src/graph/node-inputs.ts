import type { Graph, GraphNode } from '../codec/model.js';

/** Inputs of a node, those that its subgraphs capture included. */
export function inputsOf(node: GraphNode): readonly string[] {
  const captured: string[] = [];
  const visit = (graph: Graph): void => {
    for (const inner of graph.nodes) captured.push(...inputsOf(inner));
    captured.push(...graph.outputs.map(({ name }) => name));
  };
  for (const { value } of node.attributes) {
    if (value.kind === 'graph') visit(value.value);
    if (value.kind === 'graphs') value.value.forEach(visit);
  }
  return captured.length === 0 ? node.inputs : [...node.inputs, ...captured];
}
