import {
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type SchemaTree,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { messageOf, VqaToolError } from '../errors.js';
import { type FileBuffer, openFileBuffer } from './file-buffer.js';
import type { RawRow } from './raw-row.js';

/** What a Parquet file's footer says. */
export interface ParquetDescription {
  readonly rows: number;
  /** Rows of each row group. */
  readonly rowGroups: readonly number[];
  readonly compression: readonly string[];
  readonly encodings: readonly string[];
  /** Paths of the leaf columns, with dots. */
  readonly leafColumns: readonly string[];
  /** Arrow's notation of each column's type. */
  readonly arrowSchema: Readonly<Record<string, string>>;
  /** The key-value metadata, where the hub keeps the features. */
  readonly keyValueMetadata: Readonly<Record<string, string>>;
}

/**
 * The rows of a Parquet file. One row group is in memory at a time, so memory is bounded by the
 * largest group, not by the file. Binary columns are bytes; whole numbers are numbers where they
 * are exact, else bigint; null children of structs may be absent.
 *
 * @throws {VqaToolError} `bad-row` for a file that is broken or no Parquet.
 */
export async function* parquetRows(file: string): AsyncGenerator<readonly RawRow[]> {
  const { buffer, metadata } = await open(file);
  try {
    yield* rowGroups({ file, buffer, metadata });
  } finally {
    await buffer.close();
  }
}

async function* rowGroups({
  file,
  buffer,
  metadata,
}: {
  file: string;
  buffer: FileBuffer;
  metadata: FileMetaData;
}): AsyncGenerator<readonly RawRow[]> {
  const wholeNumbers = parquetSchema(metadata)
    .children.filter(hasInt64)
    .map(({ element }) => element.name);
  let row = 0;
  for (const group of metadata.row_groups) {
    const first = row;
    const rowEnd = row + Number(group.num_rows);
    let values: Record<string, unknown>[];
    try {
      values = await parquetReadObjects({
        file: buffer,
        metadata,
        compressors,
        utf8: false,
        rowStart: first,
        rowEnd,
      });
    } catch (cause) {
      throw new VqaToolError(
        'bad-row',
        `Rows ${first} to ${rowEnd - 1} of ${file} cannot be read: ${messageOf(cause)}`,
        { cause },
      );
    }
    for (const value of values) {
      for (const key of wholeNumbers) value[key] = plainNumbers(value[key]);
    }
    yield values.map((value, index) => ({ row: first + index, value }));
    row = rowEnd;
  }
}

function hasInt64({ element, children }: SchemaTree): boolean {
  return element.type === 'INT64' || children.some(hasInt64);
}

/** Reads a Parquet file's footer. @throws {VqaToolError} `bad-row` if there is none. */
export async function describeParquet(file: string): Promise<ParquetDescription> {
  const { buffer, metadata } = await open(file);
  await buffer.close();
  const chunks = metadata.row_groups
    .flatMap(({ columns }) => columns)
    .flatMap(({ meta_data }) => (meta_data === undefined ? [] : [meta_data]));
  const first = metadata.row_groups[0]?.columns ?? [];
  const root = parquetSchema(metadata);
  return {
    rows: Number(metadata.num_rows),
    rowGroups: metadata.row_groups.map(({ num_rows }) => Number(num_rows)),
    compression: [...new Set(chunks.map(({ codec }) => codec))].sort(),
    encodings: [...new Set(chunks.flatMap(({ encodings }) => encodings))].sort(),
    leafColumns: first.flatMap(({ meta_data }) =>
      meta_data ? [meta_data.path_in_schema.join('.')] : [],
    ),
    arrowSchema: Object.fromEntries(
      root.children.map((child) => [child.element.name, arrowType(child)]),
    ),
    keyValueMetadata: Object.fromEntries(
      (metadata.key_value_metadata ?? []).map(({ key, value }) => [key, value ?? '']),
    ),
  };
}

async function open(file: string): Promise<{ buffer: FileBuffer; metadata: FileMetaData }> {
  let buffer: FileBuffer | null = null;
  try {
    buffer = await openFileBuffer(file);
    return { buffer, metadata: await parquetMetadataAsync(buffer) };
  } catch (cause) {
    await buffer?.close();
    throw new VqaToolError('bad-row', `${file} cannot be opened as Parquet: ${messageOf(cause)}`, {
      cause,
    });
  }
}

function plainNumbers(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = plainNumbers(value[i]);
    return value;
  }
  if (value instanceof Date) return value;
  // The row was made for this reader alone, so it may be changed in place.
  const record = value as Record<string, unknown>;
  for (const key in record) record[key] = plainNumbers(record[key]);
  return record;
}

const PRIMITIVES: Readonly<Record<string, string>> = {
  BOOLEAN: 'bool',
  INT32: 'int32',
  INT64: 'int64',
  FLOAT: 'float',
  DOUBLE: 'double',
  BYTE_ARRAY: 'binary',
};

function arrowType({ element, children }: SchemaTree): string {
  if (children.length === 0) {
    const isText = element.converted_type === 'UTF8' || element.logical_type?.type === 'STRING';
    return isText ? 'string' : (PRIMITIVES[element.type ?? ''] ?? String(element.type));
  }
  const [child] = children;
  const isList = element.converted_type === 'LIST' || element.logical_type?.type === 'LIST';
  const item = isList ? child?.children[0] : undefined;
  if (item !== undefined) return `list<${item.element.name}: ${arrowType(item)}>`;
  return `struct<${children.map((field) => `${field.element.name}: ${arrowType(field)}`).join(', ')}>`;
}
