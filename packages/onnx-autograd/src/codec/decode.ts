import type { ByteRange, ByteSource } from './byte-source.js';
import { byteLengthOf, elementTypeOfCode } from './element-types.js';
import type {
  Attribute,
  AttributeValue,
  Dimension,
  Graph,
  GraphNode,
  OnnxModel,
  Tensor,
  TensorData,
  ValueInfo,
} from './model.js';
import { WireReader, wireTypes } from './wire-reader.js';

const { varint, lengthDelimited, fixed32 } = wireTypes;

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
  const reader: WireReader = new WireReader(source);
  const opsetImports = new Map<string, number>();
  const metadata = new Map<string, string>();
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
      const [domain, version] = reader.message(readOpsetImport);
      opsetImports.set(domain, version);
    } else if (field === 14) {
      reader.expect('metadata_props', wireType, lengthDelimited);
      const [key, value] = reader.message(readStringEntry);
      metadata.set(key, value);
    } else other.push(reader.skip(wireType, start));
  }
  if (graph === undefined) reader.fail('the model holds no graph');
  return { irVersion, opsetImports, graph, metadata, directory, other };
}

function readOpsetImport(reader: WireReader): [domain: string, version: number] {
  let domain = '';
  let version = 0;
  while (!reader.atEnd) {
    const { field, wireType, start } = reader.tag();
    if (field === 1 && wireType === lengthDelimited) domain = canonicalDomain(reader.string());
    else if (field === 2 && wireType === varint) version = reader.safeInteger();
    else reader.skip(wireType, start);
  }
  return [domain, version];
}

function canonicalDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

function readStringEntry(reader: WireReader): [key: string, value: string] {
  let key = '';
  let value = '';
  while (!reader.atEnd) {
    const { field, wireType, start } = reader.tag();
    if (field === 1 && wireType === lengthDelimited) key = reader.string();
    else if (field === 2 && wireType === lengthDelimited) value = reader.string();
    else reader.skip(wireType, start);
  }
  return [key, value];
}

function readGraph(reader: WireReader, depth: number): Graph {
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
    else other.push(reader.skip(wireType, start));
  }
  return { name, nodes, initializers, inputs, outputs, valueInfo, other };
}

function readNode(reader: WireReader, depth: number): GraphNode {
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
      attributes.push(reader.message((inner) => readAttribute(inner, depth)));
    } else if (field === 7 && wireType === lengthDelimited)
      domain = canonicalDomain(reader.string());
    else other.push(reader.skip(wireType, start));
  }
  return { name, operator, domain, inputs, outputs, attributes, other };
}

/** AttributeProto.AttributeType codes of the kinds that are interpreted. */
export const attributeTypeCodes: Readonly<
  Record<Exclude<AttributeValue['kind'], 'opaque'>, number>
> = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
};

function readAttribute(reader: WireReader, depth: number): Attribute {
  const other: ByteRange[] = [];
  const floats: number[] = [];
  const ints: bigint[] = [];
  const strings: Uint8Array[] = [];
  const tensors: Tensor[] = [];
  const graphs: Graph[] = [];
  let name = '';
  let type = 0;
  let float = 0;
  let int = 0n;
  let string: Uint8Array = new Uint8Array(0);
  let tensor: Tensor | undefined;
  let graph: Graph | undefined;
  let isReference = false;
  while (!reader.atEnd) {
    const { field, wireType, start } = reader.tag();
    if (field === 1 && wireType === lengthDelimited) name = reader.string();
    else if (field === 2 && wireType === fixed32) float = reader.float32();
    else if (field === 3 && wireType === varint) int = reader.int64();
    else if (field === 4 && wireType === lengthDelimited) string = reader.bytes(reader.length());
    else if (field === 5 && wireType === lengthDelimited) tensor = reader.message(readTensor);
    else if (field === 6 && wireType === lengthDelimited) {
      graph = reader.message((inner) => readGraph(inner, depth + 1));
    } else if (field === 7 && (wireType === lengthDelimited || wireType === fixed32)) {
      reader.packed(wireType, (inner) => floats.push(inner.float32()));
    } else if (field === 8 && (wireType === lengthDelimited || wireType === varint)) {
      reader.packed(wireType, (inner) => ints.push(inner.int64()));
    } else if (field === 9 && wireType === lengthDelimited)
      strings.push(reader.bytes(reader.length()));
    else if (field === 10 && wireType === lengthDelimited) tensors.push(reader.message(readTensor));
    else if (field === 11 && wireType === lengthDelimited) {
      graphs.push(reader.message((inner) => readGraph(inner, depth + 1)));
    } else if (field === 20 && wireType === varint) type = reader.safeInteger();
    else {
      isReference ||= field === 21;
      other.push(reader.skip(wireType, start));
    }
  }
  // IR version 1 left the type out: it is the one field that is there.
  const writtenType = type !== 0 ? type : typeOfOnlyField();
  const value = ((): AttributeValue => {
    if (isReference) return { kind: 'opaque', type };
    switch (writtenType) {
      case attributeTypeCodes.float:
        return { kind: 'float', value: float };
      case attributeTypeCodes.int:
        return { kind: 'int', value: int };
      case attributeTypeCodes.string:
        return { kind: 'string', value: string };
      case attributeTypeCodes.tensor:
        return tensor === undefined
          ? reader.fail(`attribute "${name}" says it is a tensor and holds none`)
          : { kind: 'tensor', value: tensor };
      case attributeTypeCodes.graph:
        return graph === undefined
          ? reader.fail(`attribute "${name}" says it is a graph and holds none`)
          : { kind: 'graph', value: graph };
      case attributeTypeCodes.floats:
        return { kind: 'floats', value: floats };
      case attributeTypeCodes.ints:
        return { kind: 'ints', value: ints };
      case attributeTypeCodes.strings:
        return { kind: 'strings', value: strings };
      case attributeTypeCodes.tensors:
        return { kind: 'tensors', value: tensors };
      case attributeTypeCodes.graphs:
        return { kind: 'graphs', value: graphs };
      default:
        return { kind: 'opaque', type };
    }
  })();
  return { name, value, other };

  function typeOfOnlyField(): number {
    if (tensor !== undefined) return attributeTypeCodes.tensor;
    if (graph !== undefined) return attributeTypeCodes.graph;
    if (floats.length > 0) return attributeTypeCodes.floats;
    if (ints.length > 0) return attributeTypeCodes.ints;
    if (strings.length > 0) return attributeTypeCodes.strings;
    if (tensors.length > 0) return attributeTypeCodes.tensors;
    if (graphs.length > 0) return attributeTypeCodes.graphs;
    if (string.length > 0) return attributeTypeCodes.string;
    if (float !== 0) return attributeTypeCodes.float;
    return other.length > 0 ? 0 : attributeTypeCodes.int;
  }
}

function readTensor(reader: WireReader): Tensor {
  const dims: number[] = [];
  const other: ByteRange[] = [];
  const fields: ByteRange[] = [];
  const entries = new Map<string, string>();
  const messageStart = reader.position;
  let name = '';
  let typeCode = 0;
  let raw: ByteRange | undefined;
  let isExternal = false;
  while (!reader.atEnd) {
    const { field, wireType, start } = reader.tag();
    if (field === 1 && (wireType === lengthDelimited || wireType === varint)) {
      reader.packed(wireType, (inner) => {
        const dimension = inner.safeInteger();
        if (dimension < 0) inner.fail(`a tensor has a dimension of ${dimension}`);
        dims.push(dimension);
      });
    } else if (field === 2 && wireType === varint) typeCode = reader.safeInteger();
    else if (field === 8 && wireType === lengthDelimited) name = reader.string();
    else if (field === 9 && wireType === lengthDelimited) raw = reader.range();
    else if (field === 13 && wireType === lengthDelimited) {
      const [key, value] = reader.message(readStringEntry);
      entries.set(key, value);
    } else if (field === 14 && wireType === varint) isExternal = reader.safeInteger() === 1;
    else if (dataFields.has(field)) fields.push(reader.skip(wireType, start));
    else other.push(reader.skip(wireType, start));
  }
  const type = elementTypeOfCode(typeCode);
  const elements = dims.reduce((product, dimension) => product * dimension, 1);
  if (!Number.isSafeInteger(elements)) {
    reader.fail(`tensor "${name}" has the impossible shape [${dims.join(', ')}]`, messageStart);
  }
  const data = ((): TensorData => {
    if (isExternal) return readExternalData(reader, name, entries, messageStart);
    if (raw === undefined) return { kind: 'fields', ranges: fields };
    if (type !== undefined && type !== 'string' && raw.length !== byteLengthOf(type, elements)) {
      reader.fail(
        `tensor "${name}" of type ${type} and shape [${dims.join(', ')}] needs ${byteLengthOf(type, elements)} bytes and holds ${raw.length}`,
        raw.offset,
      );
    }
    return { kind: 'raw', range: raw };
  })();
  return { name, type, typeCode, dims, data, other };
}

/** float_data, int32_data, string_data, int64_data, double_data, uint64_data. */
const dataFields: ReadonlySet<number> = new Set([4, 5, 6, 7, 10, 11]);

function readExternalData(
  reader: WireReader,
  name: string,
  entries: Map<string, string>,
  messageStart: number,
): TensorData {
  const location = entries.get('location');
  if (location === undefined || location === '') {
    reader.fail(`tensor "${name}" is external and names no location`, messageStart);
  }
  const number = (key: string): number | undefined => {
    const text = entries.get(key);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
      reader.fail(
        `tensor "${name}" has the impossible ${key} "${text.slice(0, 40)}"`,
        messageStart,
      );
    }
    return value;
  };
  const offset = number('offset') ?? 0;
  const length = number('length');
  const rest = new Map(
    [...entries].filter(([key]) => !['location', 'offset', 'length'].includes(key)),
  );
  return { kind: 'external', location, offset, length, entries: rest };
}

function readValueInfo(reader: WireReader): ValueInfo {
  const other: ByteRange[] = [];
  let name = '';
  let type: ValueInfo['type'];
  let shape: readonly Dimension[] | undefined;
  let encodedType: ByteRange | undefined;
  while (!reader.atEnd) {
    const { field, wireType, start } = reader.tag();
    if (field === 1 && wireType === lengthDelimited) name = reader.string();
    else if (field === 2 && wireType === lengthDelimited) {
      encodedType = reader.range();
      // The same bytes twice: once as a place to copy from, once for what they mean.
      [type, shape] = readType(
        new WireReader(reader.source, encodedType.offset, encodedType.offset + encodedType.length),
      );
    } else other.push(reader.skip(wireType, start));
  }
  return { name, type, shape, encodedType, other };
}

function readType(reader: WireReader): [ValueInfo['type'], readonly Dimension[] | undefined] {
  let result: [ValueInfo['type'], readonly Dimension[] | undefined] = [undefined, undefined];
  while (!reader.atEnd) {
    const { field, wireType, start } = reader.tag();
    if (field === 1 && wireType === lengthDelimited) result = reader.message(readTensorType);
    else reader.skip(wireType, start);
  }
  return result;
}

function readTensorType(reader: WireReader): [ValueInfo['type'], readonly Dimension[] | undefined] {
  let type: ValueInfo['type'];
  let shape: readonly Dimension[] | undefined;
  while (!reader.atEnd) {
    const { field, wireType, start } = reader.tag();
    if (field === 1 && wireType === varint) type = elementTypeOfCode(reader.safeInteger());
    else if (field === 2 && wireType === lengthDelimited) shape = reader.message(readShape);
    else reader.skip(wireType, start);
  }
  return [type, shape];
}

function readShape(reader: WireReader): Dimension[] {
  const shape: Dimension[] = [];
  while (!reader.atEnd) {
    const { field, wireType, start } = reader.tag();
    if (field === 1 && wireType === lengthDelimited) shape.push(reader.message(readDimension));
    else reader.skip(wireType, start);
  }
  return shape;
}

function readDimension(reader: WireReader): Dimension {
  let dimension: Dimension = '';
  while (!reader.atEnd) {
    const { field, wireType, start } = reader.tag();
    // Some exporters write -1 for a size that they do not know.
    if (field === 1 && wireType === varint) dimension = positiveOr(reader.safeInteger(), '');
    else if (field === 2 && wireType === lengthDelimited) dimension = reader.string();
    else reader.skip(wireType, start);
  }
  return dimension;
}

function positiveOr(value: number, fallback: Dimension): Dimension {
  return value < 0 ? fallback : value;
}
