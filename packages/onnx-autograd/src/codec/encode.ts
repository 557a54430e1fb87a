import { attributeFields, attributeTypeCodes } from './attribute-types.js';
import type { ByteRange } from './byte-source.js';
import { elementTypes } from './element-types.js';
import { type EmbeddedField, type EmbeddingMessage, readEmbedded } from './embedded-tensors.js';
import { writeStringEntry } from './entries.js';
import { tensorsOfFields } from './every-tensor.js';
import { ExternalFiles } from './external-data.js';
import type {
  Attribute,
  AttributeValue,
  Graph,
  GraphNode,
  OnnxModel,
  Tensor,
  ValueInfo,
} from './model.js';
import {
  inlineBelowBytes,
  type PlaceWeight,
  placeAsReferences,
  placeInside,
} from './place-weights.js';
import { WireWriter } from './wire-writer.js';

export interface EncodeOptions {
  /**
   * - `inline`: write weights into the model (2 GiB at most).
   * - `external`: refer to the files they lie in, also when that is inside another `.onnx`; those that are
   *   not under `directory` are written into the model.
   * - a function: choose for each.
   */
  readonly weights: 'inline' | 'external' | PlaceWeight;
  /** Folder that external locations are relative to. Default: the model's own. */
  readonly directory?: string;
  /** With `external`, tensors of fewer bytes are written into the model. Default 65,536. */
  readonly inlineBelow?: number;
}

/**
 * Encodes a model as protobuf. Weights are not read before the result is written.
 *
 * @throws {OnnxAutogradError} `file` or `external-path` if a weight is not where the model says.
 */
export function encodeModel(model: OnnxModel, options: EncodeOptions): WireWriter {
  const context: Context = {
    place: placeOf(options, model.directory),
    files: new ExternalFiles(model.directory),
  };
  const writer = new WireWriter();
  if (model.irVersion !== 0) writer.varintField(1, model.irVersion);
  for (const [domain, version] of model.opsetImports) {
    writer.messageField(8, (inner) => {
      inner.stringField(1, domain);
      inner.varintField(2, version);
      for (const range of model.opsetFields?.get(domain) ?? []) inner.raw(range);
    });
  }
  writer.messageField(7, (inner) => writeGraph(inner, model.graph, context));
  for (const [key, value] of model.metadata) {
    writer.messageField(14, (inner) => writeStringEntry(inner, key, value, model.metadataFields));
  }
  writeOther(writer, model.other, 'model', context);
  return writer;
}

interface Context {
  readonly place: PlaceWeight;
  readonly files: ExternalFiles;
}

function placeOf(options: EncodeOptions, modelDirectory: string | undefined): PlaceWeight {
  const { weights, directory = modelDirectory, inlineBelow = inlineBelowBytes } = options;
  if (typeof weights === 'function') return weights;
  return weights === 'inline' || directory === undefined
    ? placeInside
    : placeAsReferences(directory, inlineBelow);
}

function writeGraph(writer: WireWriter, graph: Graph, context: Context): void {
  for (const node of graph.nodes) {
    writer.messageField(1, (inner) => writeNode(inner, node, context));
  }
  if (graph.name !== '') writer.stringField(2, graph.name);
  for (const tensor of graph.initializers) {
    writer.messageField(5, (inner) => writeTensor(inner, tensor, context));
  }
  for (const input of graph.inputs)
    writer.messageField(11, (inner) => writeValueInfo(inner, input));
  for (const output of graph.outputs) {
    writer.messageField(12, (inner) => writeValueInfo(inner, output));
  }
  for (const value of graph.valueInfo) {
    writer.messageField(13, (inner) => writeValueInfo(inner, value));
  }
  writeOther(writer, graph.other, 'graph', context);
}

function writeNode(writer: WireWriter, node: GraphNode, context: Context): void {
  for (const input of node.inputs) writer.stringField(1, input);
  for (const output of node.outputs) writer.stringField(2, output);
  if (node.name !== '') writer.stringField(3, node.name);
  writer.stringField(4, node.operator);
  // ONNX Runtime 1.30 finds external data of Constant nodes, and not that of other operators' attributes.
  const isConstant = node.operator === 'Constant' && node.domain === '';
  for (const attribute of node.attributes) {
    writer.messageField(5, (inner) => writeAttribute(inner, attribute, context, isConstant));
  }
  if (node.domain !== '') writer.stringField(7, node.domain);
  for (const field of node.other) writer.raw(field);
}

function writeAttribute(
  writer: WireWriter,
  { name, value, other }: Attribute,
  context: Context,
  mayMove: boolean,
): void {
  writer.stringField(1, name);
  if (value.kind !== 'opaque') {
    writeValue(writer, value, context, mayMove);
    writer.varintField(20, attributeTypeCodes[value.kind]);
  } else if (value.type !== 0) writer.varintField(20, value.type);
  writeOther(writer, other, 'attribute', context);
}

function writeValue(
  writer: WireWriter,
  value: Exclude<AttributeValue, { kind: 'opaque' }>,
  context: Context,
  mayMove: boolean,
): void {
  const write = (inner: WireWriter, tensor: Tensor): void =>
    writeTensor(
      inner,
      tensor,
      mayMove || tensor.data.kind === 'external' ? context : { ...context, place: placeInside },
    );
  const field = attributeFields[value.kind];
  switch (value.kind) {
    case 'float':
      writer.float32Field(field, value.value);
      break;
    case 'int':
      writer.varintField(field, value.value);
      break;
    case 'string':
      writer.bytesField(field, value.value);
      break;
    case 'tensor':
      writer.messageField(field, (inner) => write(inner, value.value));
      break;
    case 'graph':
      writer.messageField(field, (inner) => writeGraph(inner, value.value, context));
      break;
    case 'floats':
      writer.packedFloats(field, value.value);
      break;
    case 'ints':
      writer.packedIntegers(field, value.value);
      break;
    case 'strings':
      for (const text of value.value) writer.bytesField(field, text);
      break;
    case 'tensors':
      for (const tensor of value.value) {
        writer.messageField(field, (inner) => write(inner, tensor));
      }
      break;
    case 'graphs':
      for (const graph of value.value) {
        writer.messageField(field, (inner) => writeGraph(inner, graph, context));
      }
      break;
  }
}

function writeTensor(writer: WireWriter, tensor: Tensor, context: Context): void {
  writer.packedIntegers(1, tensor.dims);
  if (tensor.typeCode !== 0) writer.varintField(2, tensor.typeCode);
  if (tensor.name !== '') writer.stringField(8, tensor.name);
  writeTensorData(writer, tensor, context);
  for (const range of tensor.other) writer.raw(range);
}

function writeTensorData(writer: WireWriter, tensor: Tensor, context: Context): void {
  const { data } = tensor;
  if (data.kind === 'fields') {
    for (const range of data.ranges) writer.raw(range);
    return;
  }
  const range = data.kind === 'raw' ? data.range : context.files.range(tensor);
  const placement = context.place(range);
  if (placement.kind === 'inline') {
    writer.rangeField(9, range);
    return;
  }
  const { location, offset, isOriginal } = placement;
  const fields = data.kind === 'external' ? data.entryFields : undefined;
  const write = (key: string, value: string): void =>
    writer.messageField(13, (inner) => writeStringEntry(inner, key, value, fields));
  write('location', location);
  write('offset', `${offset}`);
  write('length', `${range.length}`);
  if (isOriginal && data.kind === 'external') {
    for (const [key, value] of data.entries) write(key, value);
  }
  writer.varintField(14, 1);
}

/** Writes fields that were kept as bytes; tensors in them that lie in files are placed like all others. */
function writeOther(
  writer: WireWriter,
  ranges: readonly ByteRange[],
  message: EmbeddingMessage,
  context: Context,
): void {
  if (ranges.length === 0) return;
  const fields = readEmbedded(ranges, message);
  if (isExternal(fields)) writeFields(writer, fields, context);
  else for (const range of ranges) writer.raw(range);
}

function isExternal(fields: readonly EmbeddedField[]): boolean {
  for (const { data } of tensorsOfFields(fields)) if (data.kind === 'external') return true;
  return false;
}

function writeFields(writer: WireWriter, fields: readonly EmbeddedField[], context: Context): void {
  for (const part of fields) {
    if (part.kind === 'bytes') {
      writer.raw(part.range);
      continue;
    }
    writer.messageField(part.field, (inner) => {
      if (part.kind === 'tensor') writeTensor(inner, part.value, context);
      else if (part.kind === 'graph') writeGraph(inner, part.value, context);
      else if (part.kind === 'node') writeNode(inner, part.value, context);
      else if (part.kind === 'attribute') writeAttribute(inner, part.value, context, false);
      else writeFields(inner, part.value, context);
    });
  }
}

function writeValueInfo(
  writer: WireWriter,
  { name, type, shape, encodedType, other }: ValueInfo,
): void {
  writer.stringField(1, name);
  if (encodedType !== undefined) writer.rangeField(2, encodedType);
  else if (type !== undefined) {
    writer.messageField(2, (typeProto) => {
      typeProto.messageField(1, (tensorType) => {
        tensorType.varintField(1, elementTypes[type].code);
        if (shape === undefined) return;
        tensorType.messageField(2, (shapeProto) => {
          for (const dimension of shape) {
            shapeProto.messageField(1, (inner) => {
              if (typeof dimension === 'number') inner.varintField(1, dimension);
              else if (dimension !== '') inner.stringField(2, dimension);
            });
          }
        });
      });
    });
  }
  for (const field of other) writer.raw(field);
}
