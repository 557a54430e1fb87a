import { readFile } from 'node:fs/promises';
import type { Table } from '@iapo/vqa-tools';
import { z } from 'zod';
import { IapoError, messageOf } from '../errors.js';

const tableSchema = z.object({
  id: z.string(),
  title: z.string().optional(),
  columns: z.array(z.string()).min(1),
  rows: z.array(z.array(z.string())),
});

/**
 * Tables by id, of data sets whose questions are about tables without a picture: JSONL of `id`, `columns`, `rows`.
 *
 * @throws {IapoError} `missing-input` for a file that cannot be read, naming the line that is wrong.
 */
export async function readTables(path: string): Promise<Map<string, Table>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new IapoError(
      'missing-input',
      `The questions are about tables, and there is no ${path}: give their file as \`tables\`, JSONL of \`id\`, \`columns\` and \`rows\`.`,
      { cause },
    );
  }
  const tables = new Map<string, Table>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    try {
      const { id, title, columns, rows } = tableSchema.parse(JSON.parse(line));
      tables.set(id, { ...(title === undefined ? {} : { title }), columns, rows });
    } catch (cause) {
      const reason = messageOf(cause);
      throw new IapoError('missing-input', `Line ${index} of ${path} is no table: ${reason}`, {
        cause,
      });
    }
  }
  return tables;
}
