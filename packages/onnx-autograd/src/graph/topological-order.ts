import { describeNode, type GraphNode, type OnnxModel } from '../codec/model.js';
import { OnnxAutogradError } from '../errors.js';
import { inputsOf } from './node-inputs.js';

/**
 * The model with its nodes in topological order, which ONNX demands and some converters forget (those to
 * half precision put their casts at the end). A model that is in order is returned as it is.
 *
 * @throws {OnnxAutogradError} `malformed-model` if the nodes depend on each other in a circle.
 */
export function inTopologicalOrder(model: OnnxModel): OnnxModel {
  const producers = new Map<string, GraphNode>();
  for (const node of model.graph.nodes)
    for (const output of node.outputs) producers.set(output, node);
  const done = new Set<GraphNode>();
  const sorted: GraphNode[] = [];
  const open = new Set<GraphNode>();
  for (const root of model.graph.nodes) {
    // A stack instead of recursion: graphs are deeper than the call stack.
    const stack = [{ node: root, next: 0 }];
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      if (top === undefined) break;
      if (done.has(top.node)) {
        stack.pop();
        continue;
      }
      open.add(top.node);
      const inputs = inputsOf(top.node);
      const input = inputs[top.next];
      if (top.next >= inputs.length) {
        done.add(top.node);
        open.delete(top.node);
        sorted.push(top.node);
        stack.pop();
        continue;
      }
      top.next++;
      const producer = input === undefined || input === '' ? undefined : producers.get(input);
      if (producer === undefined || done.has(producer)) continue;
      if (open.has(producer)) {
        throw new OnnxAutogradError(
          'malformed-model',
          `Nodes "${describeNode(top.node)}" and "${describeNode(producer)}" depend on each other in a circle.`,
          { node: describeNode(producer) },
        );
      }
      stack.push({ node: producer, next: 0 });
    }
  }
  if (sorted.every((node, index) => node === model.graph.nodes[index])) return model;
  return { ...model, graph: { ...model.graph, nodes: sorted } };
}
