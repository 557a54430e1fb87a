import type { GraphNode, OnnxModel } from '../codec/model.js';
import { listNames, OnnxAutogradError } from '../errors.js';
import { inputsOf } from '../graph/node-inputs.js';
import { inTopologicalOrder } from '../graph/topological-order.js';

/**
 * A derived model with some of the outputs only, and without the nodes, initializers and inputs that nothing
 * else needs. ONNX Runtime computes and copies every output of a graph, wanted or not: keep few.
 *
 * @throws {OnnxAutogradError} `unknown-name` for a name that is no output.
 */
export function keepOutputs(model: OnnxModel, names: readonly string[]): OnnxModel {
  // Converters to half precision leave casts behind the nodes that read them.
  const { graph } = inTopologicalOrder(model);
  const outputs = names.map((name) => {
    const output = graph.outputs.find((candidate) => candidate.name === name);
    if (output !== undefined) return output;
    throw new OnnxAutogradError(
      'unknown-name',
      `The graph has no output named "${name}". Outputs: ${listNames(graph.outputs.map((candidate) => candidate.name))}.`,
    );
  });
  const needed = new Set(names);
  const nodes: GraphNode[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    nodes.push(node);
    for (const input of inputsOf(node)) needed.add(input);
  }
  nodes.reverse();
  return {
    ...model,
    graph: {
      ...graph,
      nodes,
      outputs,
      inputs: graph.inputs.filter(({ name }) => needed.has(name)),
      initializers: graph.initializers.filter(({ name }) => needed.has(name)),
      valueInfo: graph.valueInfo.filter(({ name }) => needed.has(name)),
    },
  };
}
