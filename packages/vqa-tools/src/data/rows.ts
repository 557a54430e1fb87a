import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { messageOf, VqaToolError } from '../errors.js';
import { parquetRows } from './parquet.js';
import type { RawRow } from './raw-row.js';
import { badRow } from './row-error.js';

/** A whole JSON document must fit in memory; JSONL and Parquet are streamed. */
const MAX_JSON_BYTES = 512 * 1024 * 1024;

/** Lines of JSONL that are read together; more would only cost memory. */
const LINES = 256;

/**
 * The rows of a `.jsonl`, `.json` or `.parquet` file, in batches: JSONL has 256 lines in memory,
 * Parquet one row group.
 *
 * @throws {VqaToolError} `unknown-format` for another ending, `limit-exceeded` for a huge `.json`.
 */
export async function* readRows(file: string): AsyncGenerator<readonly RawRow[]> {
  const ending = /\.[a-z]+$/i.exec(file)?.[0].toLowerCase();
  if (ending === '.jsonl' || ending === '.ndjson') yield* jsonLines(file);
  else if (ending === '.json') yield* jsonDocument(file);
  else if (ending === '.parquet') yield* parquetRows(file);
  else {
    throw new VqaToolError(
      'unknown-format',
      `${file} must end in .jsonl, .ndjson, .json or .parquet.`,
    );
  }
}

async function* jsonLines(file: string): AsyncGenerator<readonly RawRow[]> {
  const stream = createReadStream(file, 'utf8');
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  let row = 0;
  let batch: RawRow[] = [];
  try {
    for await (const line of lines) {
      if (line.trim() !== '') batch.push(parseLine(line, { file, row }));
      row++;
      if (batch.length < LINES) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  } finally {
    lines.close();
    stream.destroy();
  }
}

function parseLine(line: string, at: { file: string; row: number }): RawRow {
  try {
    return asRow(JSON.parse(line), at);
  } catch (cause) {
    return { row: at.row, error: badRow(at, `no JSON (${messageOf(cause)})`, cause) };
  }
}

/** A list of rows, or an object of rows by id, as ReFocus and CharXiv write them. */
async function* jsonDocument(file: string): AsyncGenerator<readonly RawRow[]> {
  const { size } = await stat(file);
  if (size > MAX_JSON_BYTES) {
    throw new VqaToolError(
      'limit-exceeded',
      `${file} has ${size} bytes; a .json document is read whole and may have ${MAX_JSON_BYTES}. Convert it to .jsonl.`,
    );
  }
  let document: unknown;
  try {
    document = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new VqaToolError('bad-row', `${file} is no JSON (${messageOf(cause)})`, { cause });
  }
  if (typeof document !== 'object' || document === null) {
    throw new VqaToolError('bad-row', `${file} must hold a list or an object of rows.`);
  }
  yield Object.values(document).map((value, row) => asRow(value, { file, row }));
}

function asRow(value: unknown, at: { file: string; row: number }): RawRow {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { row: at.row, error: badRow(at, 'expected an object') };
  }
  // Checked to be an object; formats look at its values one by one.
  return { row: at.row, value: value as Readonly<Record<string, unknown>> };
}
