import type { ImageMetadata } from '../boxes/metadata.js';
import { messageOf, VqaToolError } from '../errors.js';
import type { DatasetFormat, VqaExample } from './example.js';
import { type DatasetFormatName, datasetFormats } from './formats/index.js';
import { findFiles } from './glob.js';
import { lazyImage } from './lazy-image.js';
import { badRow } from './row-error.js';
import { readRows } from './rows.js';

/** Options of {@link readDataset}. */
export interface ReadOptions {
  /** A built-in format or one's own. Default: found from the columns of each file's first row. */
  readonly format?: DatasetFormatName | DatasetFormat;
  /** What to do with a row that does not fit: skip and count it, or stop. Default `throw`. */
  readonly onBadRow?: 'skip' | 'throw';
  /** Folder in which image paths of the rows are looked up. Default: paths are not followed. */
  readonly imageFolder?: string;
  /** Most examples to give. Default: all. */
  readonly limit?: number;
}

/** Counts of one reading; final when the iteration has ended. */
export interface ReadStatistics {
  readonly files: number;
  readonly rows: number;
  readonly skipped: number;
  /** The first 20 errors of skipped rows. */
  readonly errors: readonly VqaToolError[];
}

/** A data set to iterate over, from the beginning each time. */
export interface Dataset extends AsyncIterable<VqaExample> {
  /** Counts of the newest iteration. */
  readonly statistics: ReadStatistics;
  /** All examples in a list; for data sets that fit in memory. */
  toArray(): Promise<VqaExample[]>;
}

const MAX_ERRORS = 20;

/**
 * Reads questions from JSONL, JSON or Parquet files in any of the known formats. Rows are streamed:
 * one line of JSONL or one row group of Parquet is in memory at a time, images are decoded when
 * asked for.
 *
 * @param pathOrGlob A file, a folder, or a pattern with `*`, `?` and `**`.
 * @throws {VqaToolError} While iterating: `bad-argument` if no file matches, `unknown-format` if no
 * format has the columns, `bad-row` with file and row number for a row that does not fit.
 * @example
 * for await (const { question, answers } of readDataset('test/*.parquet')) console.log(question, answers);
 */
export function readDataset(pathOrGlob: string, options: ReadOptions = {}): Dataset {
  let statistics: Counts = newCounts();
  const dataset: Dataset = {
    get statistics() {
      return statistics;
    },
    [Symbol.asyncIterator]() {
      statistics = newCounts();
      return iterate(pathOrGlob, options, statistics);
    },
    async toArray() {
      const examples: VqaExample[] = [];
      for await (const example of dataset) examples.push(example);
      return examples;
    },
  };
  return dataset;
}

interface Counts {
  files: number;
  rows: number;
  skipped: number;
  errors: VqaToolError[];
}

function newCounts(): Counts {
  return { files: 0, rows: 0, skipped: 0, errors: [] };
}

async function* iterate(
  pathOrGlob: string,
  { format, onBadRow = 'throw', imageFolder, limit = Number.POSITIVE_INFINITY }: ReadOptions,
  counts: Counts,
): AsyncGenerator<VqaExample> {
  let given = 0;
  if (limit <= 0) return;
  for (const file of await findFiles(pathOrGlob)) {
    counts.files++;
    let chosen = format === undefined ? undefined : findFormat(format);
    for await (const batch of readRows(file)) {
      for (const raw of batch) {
        counts.rows++;
        try {
          if ('error' in raw) throw raw.error;
          chosen ??= detectFormat(raw.value, file);
          yield readExample(raw.value, {
            file,
            row: raw.row,
            format: chosen,
            imageFolder,
            isLazy: onBadRow === 'throw',
          });
          if (++given >= limit) return;
        } catch (error) {
          const isRowError = error instanceof VqaToolError && error.code === 'bad-row';
          if (!isRowError || onBadRow === 'throw') throw error;
          counts.skipped++;
          if (counts.errors.length < MAX_ERRORS) counts.errors.push(error);
        }
      }
    }
  }
}

interface RowPlace {
  readonly file: string;
  readonly row: number;
  readonly format: DatasetFormat;
  readonly imageFolder: string | undefined;
  readonly isLazy: boolean;
}

function readExample(row: Readonly<Record<string, unknown>>, at: RowPlace): VqaExample {
  const { file, format, imageFolder, isLazy } = at;
  const place = { file, row: at.row };
  try {
    const image = (value: unknown) => lazyImage(value, { imageFolder });
    const { metadata, ...fields } = format.read(row, { ...place, image });
    const example = { ...fields, format: format.name, source: place, raw: row };
    if (metadata === undefined) return example;
    if (typeof metadata !== 'function') return { ...example, metadata };
    return isLazy ? withLazyMetadata(example, metadata) : { ...example, metadata: metadata() };
  } catch (cause) {
    throw badRow(at, messageOf(cause), cause);
  }
}

/** The example with its metadata read once, when they are first asked for. */
function withLazyMetadata(
  example: Omit<VqaExample, 'metadata'>,
  read: () => ImageMetadata,
): VqaExample {
  let known: ImageMetadata | null = null;
  return Object.defineProperty(example, 'metadata', {
    enumerable: true,
    get(): ImageMetadata {
      try {
        known ??= read();
        return known;
      } catch (cause) {
        throw badRow(example.source, messageOf(cause), cause);
      }
    },
  });
}

function findFormat(format: DatasetFormatName | DatasetFormat): DatasetFormat {
  if (typeof format === 'object') return format;
  if (Object.hasOwn(datasetFormats, format)) return datasetFormats[format];
  throw new VqaToolError(
    'unknown-format',
    `Unknown format "${String(format)}". Known: ${Object.keys(datasetFormats).join(', ')}.`,
  );
}

function detectFormat(row: Readonly<Record<string, unknown>>, file: string): DatasetFormat {
  const columns = new Set(Object.keys(row));
  const found = Object.values(datasetFormats).find((format) => format.detect(columns));
  if (found !== undefined) return found;
  throw new VqaToolError(
    'unknown-format',
    `${file} has the columns ${[...columns].join(', ')}, which no known format has. Give \`format\`: one of ${Object.keys(datasetFormats).join(', ')}, or your own.`,
  );
}
