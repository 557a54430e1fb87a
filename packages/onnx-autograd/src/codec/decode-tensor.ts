import { appendRange, type ByteRange } from './byte-source.js';
import { byteLengthOf, elementTypeOfCode } from './element-types.js';
import { entryFieldsAs, readStringEntry, type StringEntry } from './entries.js';
import type { Tensor, TensorData } from './model.js';
import { TypedDataSize, typedDataFields } from './typed-data.js';
import { type WireReader, wireTypes } from './wire-reader.js';

const { varint, lengthDelimited } = wireTypes;

/** Parses a TensorProto; its elements are not read, but there must be as many as its shape says. */
export function readTensor(reader: WireReader): Tensor {
  const dims: number[] = [];
  const other: ByteRange[] = [];
  const entries: StringEntry[] = [];
  const fields: ByteRange[] = [];
  const fieldsSize = new TypedDataSize();
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
      entries.push(reader.message(readStringEntry));
    } else if (field === 14 && wireType === varint) isExternal = reader.safeInteger() === 1;
    else if (typedDataFields.has(field)) {
      const range = reader.skip(wireType, start);
      appendRange(fields, range);
      fieldsSize.add(reader, field, wireType, range);
    } else appendRange(other, reader.skip(wireType, start));
  }
  const type = elementTypeOfCode(typeCode);
  const head: TensorHead = { name, type, typeCode, dims, messageStart };
  const count = dims.length === 0 ? 1 : dims.reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(count)) {
    reader.fail(`${describe(head)} has an impossible number of elements`, messageStart);
  }
  let data: TensorData;
  if (isExternal) {
    if (fields.length > 0 || (raw?.length ?? 0) > 0) {
      reader.fail(`${describe(head)} has data of its own and in a file`, messageStart);
    }
    data = readExternalData(reader, head, count, entries);
  } else if (raw !== undefined) {
    for (const range of fields) appendRange(other, range);
    checkLength(reader, head, count, raw.length, raw.offset);
    data = { kind: 'raw', range: raw };
  } else {
    const problem = fieldsSize.problem(type, count);
    if (problem !== undefined) reader.fail(`${describe(head)} ${problem}`, messageStart);
    data = { kind: 'fields', ranges: fields };
  }
  return { name, type, typeCode, dims, data, other };
}

interface TensorHead extends Pick<Tensor, 'name' | 'type' | 'typeCode' | 'dims'> {
  /** First byte of its message. */
  readonly messageStart: number;
}

function checkLength(
  reader: WireReader,
  head: TensorHead,
  count: number,
  length: number,
  byteOffset: number,
): void {
  if (head.type === undefined || head.type === 'string') return;
  const needed = byteLengthOf(head.type, count);
  if (length !== needed) {
    reader.fail(`${describe(head)} needs ${needed} bytes and has ${length}`, byteOffset);
  }
}

function describe({ name, type, typeCode, dims }: TensorHead): string {
  return `tensor "${name}" of type ${type ?? typeCode} and shape [${dims.slice(0, 16).join(', ')}${dims.length > 16 ? ', …' : ''}]`;
}

function readExternalData(
  reader: WireReader,
  head: TensorHead,
  count: number,
  entries: readonly StringEntry[],
): TensorData {
  const { messageStart } = head;
  const values = new Map(entries.map(({ key, value }) => [key, value]));
  const location = values.get('location') ?? '';
  if (location === '') reader.fail(`${describe(head)} is external and names no file`, messageStart);
  const number = (key: 'offset' | 'length'): number | undefined => {
    const text = values.get(key);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
      reader.fail(
        `${describe(head)} has the impossible ${key} "${text.slice(0, 40)}"`,
        messageStart,
      );
    }
    return value;
  };
  const offset = number('offset') ?? 0;
  const length = number('length');
  if (length !== undefined) checkLength(reader, head, count, length, messageStart);
  const known = ['location', 'offset', 'length'];
  const fields = new Map(
    entries.filter(({ other }) => other.length > 0).map(({ key, other }) => [key, other]),
  );
  return {
    kind: 'external',
    location,
    offset,
    length,
    entries: new Map([...values].filter(([key]) => !known.includes(key))),
    ...entryFieldsAs('entryFields', fields),
  };
}
