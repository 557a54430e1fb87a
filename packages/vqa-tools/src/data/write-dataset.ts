import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { messageOf, VqaToolError } from '../errors.js';
import type { DatasetFormat, ParquetType, WritableExample } from './example.js';
import { type DatasetFormatName, datasetFormats } from './formats/index.js';

/** Options of {@link writeDataset}. */
export interface WriteOptions {
  readonly format: DatasetFormatName | DatasetFormat;
  /** Rows of a Parquet row group, which is what a reader holds in memory. Default 500. */
  readonly rowGroupSize?: number;
}

/**
 * Writes examples to a `.jsonl` or `.parquet` file in one of the formats that can be written.
 * Examples are pulled one by one, so a generator of any length will do. Parquet needs the optional
 * peer `hyparquet-writer`. In JSONL, image bytes become base64 text.
 *
 * @returns The number of rows.
 * @throws {VqaToolError} `unsupported` for a format or ending that cannot be written,
 * `missing-package` without hyparquet-writer.
 */
export async function writeDataset(
  file: string,
  examples: Iterable<WritableExample> | AsyncIterable<WritableExample>,
  { format: given, rowGroupSize = 500 }: WriteOptions,
): Promise<number> {
  const format = typeof given === 'object' ? given : datasetFormats[given];
  const { write, columns } = format;
  if (write === undefined) {
    throw new VqaToolError('unsupported', `The format "${format.name}" can only be read.`);
  }
  const toRow = (example: WritableExample) => write(example);
  if (/\.(?:jsonl|ndjson)$/i.test(file)) return await writeLines(file, examples, toRow);
  if (!/\.parquet$/i.test(file)) {
    throw new VqaToolError('unsupported', `${file} must end in .jsonl, .ndjson or .parquet.`);
  }
  if (columns === undefined) {
    throw new VqaToolError('unsupported', `The format "${format.name}" is not written as Parquet.`);
  }
  const writer = await loadWriter();
  let rows = 0;
  async function* counted(): AsyncGenerator<Record<string, unknown>> {
    for await (const example of examples) {
      rows++;
      const row = toRow(example);
      yield Object.fromEntries(
        (columns ?? []).map(({ name, ...type }) => [name, parquetValue(row[name], type)]),
      );
    }
  }
  await writer.parquetWriteRows({
    writer: writer.fileWriter(file),
    rows: counted(),
    columns: columns.map(({ name }) => ({ name })),
    schema: [
      { name: 'root', num_children: columns.length },
      ...columns.flatMap(({ name, ...type }) => schemaOf(name, type)),
    ],
    rowGroupSize,
  });
  return rows;
}

async function writeLines(
  file: string,
  examples: Iterable<WritableExample> | AsyncIterable<WritableExample>,
  toRow: (example: WritableExample) => Readonly<Record<string, unknown>>,
): Promise<number> {
  const stream = createWriteStream(file, 'utf8');
  // Awaited only at the end, where an error of any write rejects it.
  const finished = once(stream, 'finish');
  let rows = 0;
  for await (const example of examples) {
    const line = JSON.stringify(toRow(example), (_key, value) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
    );
    if (!stream.write(`${line}\n`)) await once(stream, 'drain');
    rows++;
  }
  stream.end();
  await finished;
  return rows;
}

/** A value as the Parquet writer takes it: whole numbers of 64 bits are bigint. */
function parquetValue(value: unknown, type: ParquetType): unknown {
  if (value === null || value === undefined) return null;
  if (type.type === 'int64') return BigInt(Number(value));
  if (type.type === 'list') {
    return Array.isArray(value) ? value.map((item) => parquetValue(item, type.element)) : null;
  }
  if (type.type !== 'struct' || typeof value !== 'object') return value;
  const entries = new Map<string, unknown>(Object.entries(value));
  return Object.fromEntries(
    type.fields.map(({ name, ...inner }) => [name, parquetValue(entries.get(name), inner)]),
  );
}

interface SchemaElement {
  readonly name: string;
  readonly type?: 'BYTE_ARRAY' | 'INT64';
  readonly converted_type?: 'UTF8' | 'LIST';
  readonly repetition_type?: 'OPTIONAL' | 'REPEATED';
  readonly num_children?: number;
}

/** The Parquet schema of a column, in the three-level form of lists that Arrow writes. */
function schemaOf(name: string, type: ParquetType): SchemaElement[] {
  const optional = { name, repetition_type: 'OPTIONAL' } as const;
  switch (type.type) {
    case 'string':
      return [{ ...optional, type: 'BYTE_ARRAY', converted_type: 'UTF8' }];
    case 'binary':
      return [{ ...optional, type: 'BYTE_ARRAY' }];
    case 'int64':
      return [{ ...optional, type: 'INT64' }];
    case 'list':
      return [
        { ...optional, converted_type: 'LIST', num_children: 1 },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        ...schemaOf('element', type.element),
      ];
    case 'struct':
      return [
        { ...optional, num_children: type.fields.length },
        ...type.fields.flatMap(({ name: field, ...inner }) => schemaOf(field, inner)),
      ];
  }
}

async function loadWriter(): Promise<typeof import('hyparquet-writer')> {
  try {
    return await import('hyparquet-writer');
  } catch (cause) {
    throw new VqaToolError(
      'missing-package',
      `Writing Parquet needs a package: npm install hyparquet-writer@0.17.0 (${messageOf(cause)})`,
      { cause },
    );
  }
}
