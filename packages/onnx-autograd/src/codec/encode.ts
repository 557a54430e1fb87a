import { dirname, relative, sep } from 'node:path';
import type { ByteRange } from './byte-source.js';
import { attributeTypeCodes } from './decode.js';
import { elementTypes } from './element-types.js';
import { externalRange, leaves } from './external-data.js';
import type { Attribute, Graph, GraphNode, OnnxModel, Tensor, ValueInfo } from './model.js';
import { WireWriter } from './wire-writer.js';

/**
 * Tensors below this size are always written inside the model: ONNX Runtime reads shapes and axes at load
 * and cannot when they are external. 64 KiB holds every shape and every norm weight of today's models.
 */
const inlineBytes = 64 * 1024;

export interface EncodeOptions {
  /**
   * `inline` writes weights into the model (2 GiB at most); `external` refers to the files they lie in,
   * also when that is inside another `.onnx`; those must be under `directory`.
   */
  readonly weights: 'inline' | 'external';
  /** Folder that external locations are relative to. Default: the model's own. */
  readonly directory?: string;
}

/** Encodes a model as protobuf pieces. Weights are not read. */
export function encodeModel(model: OnnxModel, options: EncodeOptions): WireWriter {
  const directory = options.directory ?? model.directory;
  const writer = new WireWriter();
  const writeWeights = (inner: WireWriter, tensor: Tensor): void =>
    writeTensorData(inner, tensor, model, options.weights, directory);
  writer.varintField(1, model.irVersion);
  for (const [domain, version] of model.opsetImports) {
    writer.messageField(8, (inner) => {
      if (domain !== '') inner.stringField(1, domain);
      inner.varintField(2, version);
    });
  }
  writer.messageField(7, (inner) => writeGraph(inner, model.graph, writeWeights));
  for (const [key, value] of model.metadata) {
    writer.messageField(14, (inner) => {
      inner.stringField(1, key);
      inner.stringField(2, value);
    });
  }
  for (const field of model.other) writer.raw(field);
  return writer;
}

type WriteTensorData = (writer: WireWriter, tensor: Tensor) => void;

function writeGraph(writer: WireWriter, graph: Graph, writeData: WriteTensorData): void {
  for (const node of graph.nodes) {
    writer.messageField(1, (inner) => writeNode(inner, node, writeData));
  }
  if (graph.name !== '') writer.stringField(2, graph.name);
  for (const tensor of graph.initializers) {
    writer.messageField(5, (inner) => writeTensor(inner, tensor, writeData));
  }
  for (const input of graph.inputs)
    writer.messageField(11, (inner) => writeValueInfo(inner, input));
  for (const output of graph.outputs) {
    writer.messageField(12, (inner) => writeValueInfo(inner, output));
  }
  for (const value of graph.valueInfo) {
    writer.messageField(13, (inner) => writeValueInfo(inner, value));
  }
  for (const field of graph.other) writer.raw(field);
}

function writeNode(writer: WireWriter, node: GraphNode, writeData: WriteTensorData): void {
  for (const input of node.inputs) writer.stringField(1, input);
  for (const output of node.outputs) writer.stringField(2, output);
  if (node.name !== '') writer.stringField(3, node.name);
  writer.stringField(4, node.operator);
  for (const attribute of node.attributes) {
    writer.messageField(5, (inner) => writeAttribute(inner, attribute, writeData));
  }
  if (node.domain !== '') writer.stringField(7, node.domain);
  for (const field of node.other) writer.raw(field);
}

function writeAttribute(
  writer: WireWriter,
  { name, value, other }: Attribute,
  writeData: WriteTensorData,
): void {
  writer.stringField(1, name);
  switch (value.kind) {
    case 'float':
      writer.float32Field(2, value.value);
      break;
    case 'int':
      writer.varintField(3, value.value);
      break;
    case 'string':
      writer.bytesField(4, value.value);
      break;
    case 'tensor':
      writer.messageField(5, (inner) => writeTensor(inner, value.value, writeData));
      break;
    case 'graph':
      writer.messageField(6, (inner) => writeGraph(inner, value.value, writeData));
      break;
    case 'floats':
      writer.packedFloats(7, value.value);
      break;
    case 'ints':
      writer.packedIntegers(8, value.value);
      break;
    case 'strings':
      for (const text of value.value) writer.bytesField(9, text);
      break;
    case 'tensors':
      for (const tensor of value.value) {
        writer.messageField(10, (inner) => writeTensor(inner, tensor, writeData));
      }
      break;
    case 'graphs':
      for (const graph of value.value) {
        writer.messageField(11, (inner) => writeGraph(inner, graph, writeData));
      }
      break;
  }
  for (const field of other) writer.raw(field);
  writer.varintField(20, value.kind === 'opaque' ? value.type : attributeTypeCodes[value.kind]);
}

function writeTensor(writer: WireWriter, tensor: Tensor, writeData: WriteTensorData): void {
  writer.packedIntegers(1, tensor.dims);
  writer.varintField(2, tensor.typeCode);
  if (tensor.name !== '') writer.stringField(8, tensor.name);
  writeData(writer, tensor);
  for (const field of tensor.other) writer.raw(field);
}

function writeTensorData(
  writer: WireWriter,
  tensor: Tensor,
  model: OnnxModel,
  weights: 'inline' | 'external',
  directory: string | undefined,
): void {
  const { data } = tensor;
  if (data.kind === 'fields') {
    for (const range of data.ranges) writer.raw(range);
    return;
  }
  if (data.kind === 'raw') {
    const place = weights === 'external' ? locationOf(data.range, directory) : undefined;
    if (place === undefined || data.range.length < inlineBytes) writer.rangeField(9, data.range);
    else writeExternal(writer, place, data.range.offset, data.range.length, new Map());
    return;
  }
  const range = externalRange(tensor, model.directory);
  if (weights === 'inline' || range.length < inlineBytes) {
    writer.rangeField(9, range);
    return;
  }
  const place = locationOf(range, directory) ?? data.location;
  writeExternal(writer, place, range.offset, range.length, data.entries);
}

/** Location of a file range relative to a folder, or `undefined` if it is not under it. */
function locationOf({ source }: ByteRange, directory: string | undefined): string | undefined {
  if (source.path === undefined || directory === undefined) return undefined;
  if (leaves(source.path, directory) || dirname(source.path) === source.path) return undefined;
  return relative(directory, source.path).split(sep).join('/');
}

function writeExternal(
  writer: WireWriter,
  location: string,
  offset: number,
  length: number,
  entries: ReadonlyMap<string, string>,
): void {
  const all = [
    ['location', location],
    ['offset', `${offset}`],
    ['length', `${length}`],
    ...entries,
  ];
  for (const [key = '', value = ''] of all) {
    writer.messageField(13, (inner) => {
      inner.stringField(1, key);
      inner.stringField(2, value);
    });
  }
  writer.varintField(14, 1);
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
