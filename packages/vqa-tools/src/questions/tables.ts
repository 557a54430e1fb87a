import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { parseRow } from '../data/row-error.js';

/** The data sets whose small subsets come with this package; licences in `data/<name>/LICENSE.md`. */
export type EmbeddedDataset = 'wikitablequestions' | 'tabfact';

const tableSchema = z.object({
  id: z.string(),
  title: z.string(),
  columns: z.array(z.string()),
  rows: z.array(z.array(z.string())),
  barColumns: z.array(z.number().int()),
  barValues: z.array(z.array(z.number())),
  labelColumn: z.number().int().nullable(),
  split: z.enum(['train', 'validation']),
});

/** A real table, with the columns that can be drawn as bars and the numbers in them. */
export interface SourceTable {
  readonly id: string;
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Columns whose cells are amounts, and those amounts, one list a column. */
  readonly barColumns: readonly number[];
  readonly barValues: readonly (readonly number[])[];
  /** Column of distinct texts to put beside the bars; null where nothing can be drawn. */
  readonly labelColumn: number | null;
  readonly split: 'train' | 'validation';
}

/** The folder of an embedded data set. */
export function embeddedFolder(dataset: EmbeddedDataset): string {
  // By the package's own name, so that it is found from the sources and from the build.
  const manifest = createRequire(import.meta.url).resolve('@iapo/vqa-tools/package.json');
  return join(dirname(manifest), 'data', dataset);
}

/** The tables of an embedded data set: 300 of WikiTableQuestions, 200 of TabFact. */
export async function loadTables(dataset: EmbeddedDataset): Promise<SourceTable[]> {
  const text = await readFile(join(embeddedFolder(dataset), 'tables.jsonl'), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => parseRow(tableSchema, JSON.parse(line)));
}
