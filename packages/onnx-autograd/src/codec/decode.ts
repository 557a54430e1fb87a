import { appendRange, type ByteRange, type ByteSource, whileAllOpen } from './byte-source.js';
import { readAttribute } from './decode-attribute.js';
import { readTensor } from './decode-tensor.js';
import { readValueInfo } from './decode-value-info.js';
import { entryFieldsAs, readStringEntry } from './entries.js';
import type { Attribute, Graph, GraphNode, OnnxModel, Tensor, ValueInfo } from './model.js';
import { WireReader, wireTypes } from './wire-reader.js';

const { varint, lengthDelimited } = wireTypes;

/** Graphs nested deeper than this (`If` in `Loop` in …) are refused: real models stay below ten. */
const maximumDepth = 64;

/**
 * Parses a ModelProto without reading weights.
 *
 * @param directory Folder that external data is relative to.
 * @throws {OnnxAutogradError} `malformed-model`, with the byte offset.
 * @see onnx.proto of ONNX 1.20 for the field numbers.
 */
export function decodeModel(source: ByteSource, directory: string | undefined): OnnxModel {
  return whileAllOpen(new Set([source]), () => readModelProto(new WireReader(source), directory));
}

function readModelProto(reader: WireReader, directory: string | undefined): OnnxModel {
  const opsetImports = new Map<string, number>();
  const opsetFields = new Map<string, readonly ByteRange[]>();
  const metadata = new Map<string, string>();
  const metadataFields = new Map<string, readonly ByteRange[]>();
  const other: ByteRange[] = [];
  let irVersion = 0;
  let graph: Graph | undefined;
  while (!reader.atEnd) {
    const { field, wireType, start } = reader.tag();
    if (field === 1) {
      reader.expect('ir_version', wireType, varint);
      irVersion = reader.safeInteger();
    } else if (field === 7) {
      reader.expect('graph', wireType, lengthDelimited);
      if (graph !== undefined) reader.fail('a second graph follows the first', start);
      graph = reader.message((inner) => readGraph(inner, 0));
    } else if (field === 8) {
      reader.expect('opset_import', wireType, lengthDelimited);
      const { domain, version, fields } = reader.message(readOpsetImport);
      const earlier = opsetImports.get(domain);
      if (earlier !== undefined && earlier !== version) {
        reader.fail(`operator set "${domain}" has both version ${earlier} and ${version}`, start);
      }
      opsetImports.set(domain, version);
      if (fields.length > 0) opsetFields.set(domain, fields);
    } else if (field === 14) {
      reader.expect('metadata_props', wireType, lengthDelimited);
      const entry = reader.message(readStringEntry);
      metadata.set(entry.key, entry.value);
      if (entry.other.length > 0) metadataFields.set(entry.key, entry.other);
    } else appendRange(other, reader.skip(wireType, start));
  }
  if (graph === undefined) reader.fail('the model holds no graph');
  return {
    irVersion,
    opsetImports,
    graph,
    metadata,
    directory,
    other,
    ...entryFieldsAs('opsetFields', opsetFields),
    ...entryFieldsAs('metadataFields', metadataFields),
  };
}

interface OpsetImport {
  readonly domain: string;
  readonly version: number;
  readonly fields: readonly ByteRange[];
}

function readOpsetImport(reader: WireReader): OpsetImport {
  const fields: ByteRange[] = [];
  let domain = '';
  let version = 0;
  while (!reader.atEnd) {
    const { field, wireType, start } = reader.tag();
    if (field === 1 && wireType === lengthDelimited) domain = canonicalDomain(reader.string());
    else if (field === 2 && wireType === varint) version = reader.safeInteger();
    else appendRange(fields, reader.skip(wireType, start));
  }
  return { domain, version, fields };
}

function canonicalDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

/** Parses a GraphProto. @param depth How many graphs it lies in. */
export function readGraph(reader: WireReader, depth = 0): Graph {
  if (depth > maximumDepth) reader.fail(`graphs are nested more than ${maximumDepth} deep`);
  const nodes: GraphNode[] = [];
  const initializers: Tensor[] = [];
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  const valueInfo: ValueInfo[] = [];
  const other: ByteRange[] = [];
  let name = '';
  while (!reader.atEnd) {
    const { field, wireType, start } = reader.tag();
    if (field === 1 && wireType === lengthDelimited) {
      nodes.push(reader.message((inner) => readNode(inner, depth)));
    } else if (field === 2 && wireType === lengthDelimited) name = reader.string();
    else if (field === 5 && wireType === lengthDelimited)
      initializers.push(reader.message(readTensor));
    else if (field === 11 && wireType === lengthDelimited)
      inputs.push(reader.message(readValueInfo));
    else if (field === 12 && wireType === lengthDelimited)
      outputs.push(reader.message(readValueInfo));
    else if (field === 13 && wireType === lengthDelimited)
      valueInfo.push(reader.message(readValueInfo));
    else appendRange(other, reader.skip(wireType, start));
  }
  return { name, nodes, initializers, inputs, outputs, valueInfo, other };
}

/** Parses a NodeProto. @param depth How many graphs its own lies in. */
export function readNode(reader: WireReader, depth = 0): GraphNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: Attribute[] = [];
  const other: ByteRange[] = [];
  let name = '';
  let operator = '';
  let domain = '';
  while (!reader.atEnd) {
    const { field, wireType, start } = reader.tag();
    if (field === 1 && wireType === lengthDelimited) inputs.push(reader.string());
    else if (field === 2 && wireType === lengthDelimited) outputs.push(reader.string());
    else if (field === 3 && wireType === lengthDelimited) name = reader.string();
    else if (field === 4 && wireType === lengthDelimited) operator = reader.string();
    else if (field === 5 && wireType === lengthDelimited) {
      attributes.push(
        reader.message((inner) =>
          readAttribute(inner, (subgraph) => readGraph(subgraph, depth + 1)),
        ),
      );
    } else if (field === 7 && wireType === lengthDelimited)
      domain = canonicalDomain(reader.string());
    else appendRange(other, reader.skip(wireType, start));
  }
  return { name, operator, domain, inputs, outputs, attributes, other };
}
