import { type ByteRange, type ByteSource, whileAllOpen } from './byte-source.js';
import { readGraph, readNode } from './decode.js';
import { readAttribute } from './decode-attribute.js';
import { readTensor } from './decode-tensor.js';
import type { Attribute, Graph, GraphNode, Tensor } from './model.js';
import { WireReader, wireTypes } from './wire-reader.js';

/** Messages with fields that are kept as bytes and may hold tensors. */
export type EmbeddingMessage = 'model' | 'graph' | 'attribute';

type ParsedKind = 'tensor' | 'graph' | 'node' | 'attribute';

type OpaqueMessage = 'trainingInfo' | 'function' | 'sparseTensor';

/**
 * Fields that lead to tensors, by number. The tensors in them are not interpreted, but where their bytes
 * lie has to be known when a model moves to another folder.
 */
const embeddingFields: Readonly<
  Record<
    EmbeddingMessage | OpaqueMessage,
    Readonly<Partial<Record<number, ParsedKind | OpaqueMessage>>>
  >
> = {
  model: { 20: 'trainingInfo', 25: 'function' },
  graph: { 15: 'sparseTensor' },
  attribute: { 22: 'sparseTensor', 23: 'sparseTensor' },
  trainingInfo: { 1: 'graph', 2: 'graph' },
  function: { 7: 'node', 11: 'attribute' },
  sparseTensor: { 1: 'tensor', 2: 'tensor' },
};

/** One field of a message that is kept as bytes, as far as it leads to tensors. */
export type EmbeddedField =
  | { readonly kind: 'bytes'; readonly range: ByteRange }
  | { readonly kind: 'message'; readonly field: number; readonly value: readonly EmbeddedField[] }
  | { readonly kind: 'tensor'; readonly field: number; readonly value: Tensor }
  | { readonly kind: 'graph'; readonly field: number; readonly value: Graph }
  | { readonly kind: 'node'; readonly field: number; readonly value: GraphNode }
  | { readonly kind: 'attribute'; readonly field: number; readonly value: Attribute };

/** Parses fields that were kept as bytes as far as they lead to tensors. */
export function readEmbedded(
  ranges: readonly ByteRange[],
  message: EmbeddingMessage,
): EmbeddedField[] {
  const readers = new Map<ByteSource, WireReader>();
  const sources = new Set(ranges.map(({ source }) => source));
  return whileAllOpen(sources, () =>
    ranges.flatMap((range) => {
      const reader = readers.get(range.source) ?? new WireReader(range.source);
      readers.set(range.source, reader);
      return reader.within(range, (inner) => readFields(inner, message));
    }),
  );
}

function readFields(
  reader: WireReader,
  message: EmbeddingMessage | OpaqueMessage,
): EmbeddedField[] {
  const fields: EmbeddedField[] = [];
  while (!reader.atEnd) {
    const { field, wireType, start } = reader.tag();
    const kind = embeddingFields[message][field];
    fields.push(
      kind === undefined || wireType !== wireTypes.lengthDelimited
        ? { kind: 'bytes', range: reader.skip(wireType, start) }
        : reader.message((inner) => readField(inner, field, kind)),
    );
  }
  return fields;
}

function readField(
  reader: WireReader,
  field: number,
  kind: ParsedKind | OpaqueMessage,
): EmbeddedField {
  switch (kind) {
    case 'tensor':
      return { kind, field, value: readTensor(reader) };
    case 'graph':
      return { kind, field, value: readGraph(reader) };
    case 'node':
      return { kind, field, value: readNode(reader) };
    case 'attribute':
      return { kind, field, value: readAttribute(reader, readGraph) };
    default:
      return { kind: 'message', field, value: readFields(reader, kind) };
  }
}
