import type { ByteRange } from './byte-source.js';
import { type EmbeddedField, type EmbeddingMessage, readEmbedded } from './embedded-tensors.js';
import type { Attribute, Graph, GraphNode, OnnxModel, Tensor } from './model.js';

/**
 * Every tensor of a model: initializers and attributes, those of subgraphs, and those inside messages
 * that are not interpreted, such as functions and sparse tensors.
 *
 * @throws {OnnxAutogradError} `malformed-model` if one of those messages is not well formed.
 */
export function* everyTensor(model: OnnxModel): Generator<Tensor> {
  yield* graphTensors(model.graph);
  yield* embeddedTensors(model.other, 'model');
}

/** The tensors of fields that `readEmbedded` found. */
export function* tensorsOfFields(fields: readonly EmbeddedField[]): Generator<Tensor> {
  for (const field of fields) {
    if (field.kind === 'tensor') yield field.value;
    else if (field.kind === 'graph') yield* graphTensors(field.value);
    else if (field.kind === 'node') yield* nodeTensors(field.value);
    else if (field.kind === 'attribute') yield* attributeTensors(field.value);
    else if (field.kind === 'message') yield* tensorsOfFields(field.value);
  }
}

function* embeddedTensors(
  ranges: readonly ByteRange[],
  message: EmbeddingMessage,
): Generator<Tensor> {
  if (ranges.length > 0) yield* tensorsOfFields(readEmbedded(ranges, message));
}

function* graphTensors(graph: Graph): Generator<Tensor> {
  yield* graph.initializers;
  for (const node of graph.nodes) yield* nodeTensors(node);
  yield* embeddedTensors(graph.other, 'graph');
}

function* nodeTensors({ attributes }: GraphNode): Generator<Tensor> {
  for (const attribute of attributes) yield* attributeTensors(attribute);
}

function* attributeTensors({ value, other }: Attribute): Generator<Tensor> {
  if (value.kind === 'tensor') yield value.value;
  else if (value.kind === 'tensors') yield* value.value;
  else if (value.kind === 'graph') yield* graphTensors(value.value);
  else if (value.kind === 'graphs') for (const graph of value.value) yield* graphTensors(graph);
  yield* embeddedTensors(other, 'attribute');
}
