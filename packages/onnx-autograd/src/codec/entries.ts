import { appendRange, type ByteRange } from './byte-source.js';
import type { EntryFields } from './model.js';
import { type WireReader, wireTypes } from './wire-reader.js';
import type { WireWriter } from './wire-writer.js';

/** One StringStringEntryProto. */
export interface StringEntry {
  readonly key: string;
  readonly value: string;
  readonly other: readonly ByteRange[];
}

export function readStringEntry(reader: WireReader): StringEntry {
  const other: ByteRange[] = [];
  let key = '';
  let value = '';
  while (!reader.atEnd) {
    const { field, wireType, start } = reader.tag();
    if (field === 1 && wireType === wireTypes.lengthDelimited) key = reader.string();
    else if (field === 2 && wireType === wireTypes.lengthDelimited) value = reader.string();
    else appendRange(other, reader.skip(wireType, start));
  }
  return { key, value, other };
}

export function writeStringEntry(
  writer: WireWriter,
  key: string,
  value: string,
  fields: EntryFields | undefined,
): void {
  writer.stringField(1, key);
  writer.stringField(2, value);
  for (const range of fields?.get(key) ?? []) writer.raw(range);
}

/** `{ [name]: fields }`, or nothing if no entry had a field that is not interpreted. */
export function entryFieldsAs<Name extends string>(
  name: Name,
  fields: EntryFields,
): Partial<Record<Name, EntryFields>> {
  // A computed key widens to string.
  return fields.size === 0 ? {} : ({ [name]: fields } as Record<Name, EntryFields>);
}
