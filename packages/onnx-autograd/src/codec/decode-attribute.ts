import { attributeFields, attributeTypeCodes } from './attribute-types.js';
import { appendRange, type ByteRange } from './byte-source.js';
import { readTensor } from './decode-tensor.js';
import type { Attribute, AttributeValue, Graph } from './model.js';
import { type WireReader, wireTypes } from './wire-reader.js';

const { varint, lengthDelimited, fixed32 } = wireTypes;

type ValueKind = keyof typeof attributeFields;

// Object.keys widens the keys of a literal object to string.
const kinds = Object.keys(attributeFields) as ValueKind[];

const kindByField: ReadonlyMap<number, ValueKind> = new Map(
  kinds.map((kind) => [attributeFields[kind], kind]),
);

const kindByTypeCode: ReadonlyMap<number, ValueKind> = new Map(
  kinds.map((kind) => [attributeTypeCodes[kind], kind]),
);

/** Wire types that the field of each kind may have; anything else is not the value. */
const valueWireTypes: Readonly<Record<ValueKind, readonly number[]>> = {
  float: [fixed32],
  int: [varint],
  string: [lengthDelimited],
  tensor: [lengthDelimited],
  graph: [lengthDelimited],
  floats: [lengthDelimited, fixed32],
  ints: [lengthDelimited, varint],
  strings: [lengthDelimited],
  tensors: [lengthDelimited],
  graphs: [lengthDelimited],
};

/**
 * Parses an AttributeProto. Which field holds the value is said by its type, which may come last: the
 * fields are first found, then the one that counts is read and the others are kept as they are.
 *
 * @param readGraph Reads a subgraph.
 */
export function readAttribute(
  reader: WireReader,
  readGraph: (reader: WireReader) => Graph,
): Attribute {
  const other: ByteRange[] = [];
  const values = new Map<ValueKind, ByteRange[]>();
  const messageStart = reader.position;
  let name = '';
  let type = 0;
  let isReference = false;
  while (!reader.atEnd) {
    const { field, wireType, start } = reader.tag();
    const kind = kindByField.get(field);
    if (field === 1 && wireType === lengthDelimited) name = reader.string();
    else if (field === 20 && wireType === varint) type = reader.safeInteger();
    else if (kind !== undefined && valueWireTypes[kind].includes(wireType)) {
      const ranges = values.get(kind) ?? [];
      values.set(kind, ranges);
      appendRange(ranges, reader.skip(wireType, start));
    } else {
      // ref_attr_name: the value is an attribute of the enclosing function.
      isReference ||= field === 21;
      appendRange(other, reader.skip(wireType, start));
    }
  }
  // IR version 1 left the type out: it is the one field that is there.
  const kind = isReference
    ? undefined
    : type === 0
      ? kinds.find((candidate) => values.has(candidate))
      : kindByTypeCode.get(type);
  for (const [candidate, ranges] of values) {
    if (candidate !== kind) for (const range of ranges) appendRange(other, range);
  }
  if (kind === undefined) return { name, value: { kind: 'opaque', type }, other };
  const ranges = values.get(kind) ?? [];
  if (ranges.length === 0 && (kind === 'tensor' || kind === 'graph')) {
    reader.fail(`attribute "${name}" says it is a ${kind} and holds none`, messageStart);
  }
  return { name, value: readValue(reader, kind, ranges, readGraph), other };
}

function readValue(
  reader: WireReader,
  kind: ValueKind,
  ranges: readonly ByteRange[],
  readGraph: (reader: WireReader) => Graph,
): AttributeValue {
  const each = <T>(read: (reader: WireReader, wireType: number) => T): T[] => {
    const results: T[] = [];
    for (const range of ranges) {
      reader.within(range, (inner) => {
        while (!inner.atEnd) results.push(read(inner, inner.tag().wireType));
      });
    }
    return results;
  };
  const numbers = <T>(read: (reader: WireReader) => T): T[] => {
    const results: T[] = [];
    each((inner, wireType) => inner.packed(wireType, (element) => results.push(read(element))));
    return results;
  };
  // As protobuf has it, the last one of a field that should be there once; nothing means the default.
  switch (kind) {
    case 'float':
      return { kind, value: each((inner) => inner.float32()).at(-1) ?? 0 };
    case 'int':
      return { kind, value: each((inner) => inner.int64()).at(-1) ?? 0n };
    case 'string':
      return { kind, value: each((inner) => inner.bytes()).at(-1) ?? new Uint8Array(0) };
    case 'tensor':
      return { kind, value: last(each((inner) => inner.message(readTensor))) };
    case 'graph':
      return { kind, value: last(each((inner) => inner.message(readGraph))) };
    case 'floats':
      return { kind, value: numbers((inner) => inner.float32()) };
    case 'ints':
      return { kind, value: numbers((inner) => inner.int64()) };
    case 'strings':
      return { kind, value: each((inner) => inner.bytes()) };
    case 'tensors':
      return { kind, value: each((inner) => inner.message(readTensor)) };
    case 'graphs':
      return { kind, value: each((inner) => inner.message(readGraph)) };
  }
}

function last<T>(values: readonly T[]): T {
  const value = values.at(-1);
  if (value === undefined) throw new Error('internal: an attribute without its value');
  return value;
}
