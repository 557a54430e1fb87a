import { dirname, join, resolve } from 'node:path';
import {
  type EpisodeMessage,
  readDataset,
  renderTable,
  type Table,
  type VqaExample,
  VqaToolError,
} from '@iapo/vqa-tools';
import type { DataSource } from '../config/iapo-config.js';
import { IapoError } from '../errors.js';
import type { IapoTask, TaskSource } from '../task.js';
import { readTables } from './read-tables.js';

/** Tasks of a data set, and what was left out of it. */
export interface ReadTasks extends TaskSource {
  /** Rows that could not be read, with `onBadRow: 'skip'`. */
  readonly skippedRows: number;
}

/**
 * Reads the questions of data sets. Pictures stay as they are in their files until their task is drawn; tables that
 * come without one are drawn as one.
 *
 * @param folder Paths are relative to it.
 * @throws {VqaToolError} `bad-row` with file and row, `unknown-format`, `bad-argument` when no file matches.
 * @throws {IapoError} `missing-input` for a data set without a single question.
 */
export async function readTasks(source: DataSource, folder: string): Promise<ReadTasks> {
  const { files, format, imageFolder, limit, onBadRow = 'throw', system } = source;
  const examples: VqaExample[] = [];
  let skippedRows = 0;
  for (const pattern of typeof files === 'string' ? [files] : files) {
    const left = limit === undefined ? undefined : limit - examples.length;
    if (left === 0) break;
    const dataset = readDataset(resolve(folder, pattern), {
      onBadRow,
      ...(format === undefined ? {} : { format }),
      ...(imageFolder === undefined ? {} : { imageFolder: resolve(folder, imageFolder) }),
      ...(left === undefined ? {} : { limit: left }),
    });
    examples.push(...(await dataset.toArray()));
    skippedRows += dataset.statistics.skipped;
  }
  if (examples.length === 0) {
    throw new IapoError('missing-input', `There is no question in ${String(files)}.`);
  }
  const tables = await findTables(examples, (file) =>
    source.tables === undefined
      ? join(dirname(file), 'tables.jsonl')
      : resolve(folder, source.tables),
  );
  return {
    length: examples.length,
    skippedRows,
    at: (index) => {
      const example = examples[index];
      return example === undefined
        ? undefined
        : toTask(example, { system, table: tables.get(example) ?? null });
    },
  };
}

/**
 * Finds the tables of examples that ask about one and come without a picture of it, before any is drawn.
 *
 * @throws {IapoError} `missing-input` for a table that is not there.
 */
async function findTables(
  examples: readonly VqaExample[],
  pathOf: (file: string) => string,
): Promise<Map<VqaExample, Table>> {
  const files = new Map<string, Map<string, Table>>();
  const found = new Map<VqaExample, Table>();
  for (const example of examples) {
    const { tableId, images, source } = example;
    if (tableId === undefined || images.length > 0) continue;
    const path = pathOf(source.file);
    const tables = files.get(path) ?? (await readTables(path));
    files.set(path, tables);
    const table = tables.get(tableId);
    if (table === undefined) {
      throw new IapoError(
        'missing-input',
        `Row ${source.row} of ${source.file} is about the table "${tableId}", which is not in ${path}.`,
      );
    }
    found.set(example, table);
  }
  return found;
}

async function toTask(
  example: VqaExample,
  { system, table }: { readonly system: string | undefined; readonly table: Table | null },
): Promise<IapoTask> {
  const { id, question, answers, source } = example;
  // A model that looks at pictures is shown the table as one.
  const drawn = table === null ? null : renderTable(table);
  const metadata = drawn?.metadata ?? example.metadata;
  const images = await Promise.all(
    example.images.map(async (image) => ({ type: 'image' as const, image: await image.decode() })),
  ).catch((cause: unknown) => {
    if (!(cause instanceof VqaToolError)) throw cause;
    throw new IapoError(
      'missing-input',
      `The picture of row ${source.row} of ${source.file} cannot be used: ${cause.message}`,
      { cause },
    );
  });
  const request: EpisodeMessage = {
    role: 'user',
    content: [
      ...(drawn === null ? [] : [{ type: 'image' as const, image: drawn.image }]),
      ...images,
      { type: 'text', text: question },
    ],
  };
  const instructions: EpisodeMessage[] =
    system === undefined ? [] : [{ role: 'system', content: [{ type: 'text', text: system }] }];
  return {
    id,
    question,
    answers,
    messages: [...instructions, request],
    ...(metadata === undefined ? {} : { metadata }),
  };
}
