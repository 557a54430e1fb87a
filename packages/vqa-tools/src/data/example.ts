import type { ImageMetadata } from '../boxes/metadata.js';
import type { Raster } from '../image/raster.js';

/** An image of a data set, not decoded until it is asked for. */
export interface ExampleImage {
  /** The file's bytes where the row holds them. */
  readonly bytes: Uint8Array | null;
  /** The name that the row gives; followed only under the reader's `imageFolder`. */
  readonly path: string | null;
  /** @throws {VqaToolError} `bad-image`, `image-too-large`, or `unsupported` where only a path is known. */
  decode(): Promise<Raster>;
}

/** One question about a picture, the same for every format. */
export interface VqaExample {
  readonly id: string;
  readonly question: string;
  /** What a list means (alternatives or a set) is the data set's to say. */
  readonly answers: readonly string[];
  readonly images: readonly ExampleImage[];
  /**
   * Read on first use where bad rows stop the reading; a `bad-row` error is then thrown here. With
   * `onBadRow: 'skip'` it is read at once, so that a row with bad boxes is skipped.
   */
  readonly metadata?: ImageMetadata;
  /** For data sets about tables that come without a picture. */
  readonly tableId?: string;
  readonly split?: string;
  readonly format: string;
  /** Where the row stands: the file and the row's number from 0 (lines of JSONL count from 0 too). */
  readonly source: { readonly file: string; readonly row: number };
  /** The row as it was read; int64 columns are numbers where they fit, else bigint. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** What a format is given beside the row. */
export interface RowContext {
  readonly file: string;
  readonly row: number;
  /** Makes a lazy image of what an image column holds: bytes, `{bytes, path}`, or a path. */
  image(value: unknown): ExampleImage | null;
}

/** What a format makes of a row; the reader adds format, source and row. */
export type ExampleFields = Omit<VqaExample, 'format' | 'source' | 'raw' | 'metadata'> & {
  /** The metadata, or how to read them when they are asked for. */
  readonly metadata?: ImageMetadata | (() => ImageMetadata);
};

/** One file format's columns. A user's own can be given to `readDataset`. */
export interface DatasetFormat {
  readonly name: string;
  /** Whether a row with these columns is of this format. The first that says yes is taken. */
  detect(columns: ReadonlySet<string>): boolean;
  /**
   * Checks a row and brings it to the common form.
   * @throws {Error} With a message that names the column, for a row that does not fit.
   */
  read(row: Readonly<Record<string, unknown>>, context: RowContext): ExampleFields;
  /** The row to write for an example; absent where the format is read only. */
  write?(example: WritableExample): Readonly<Record<string, unknown>>;
  /** Parquet types of the columns of `write`, in order. */
  readonly columns?: readonly ParquetColumn[];
}

/** An example as the writers need it: images as bytes. */
export interface WritableExample {
  readonly id: string;
  readonly question: string;
  readonly answers: readonly string[];
  readonly images: readonly { readonly bytes: Uint8Array | null; readonly path: string | null }[];
  readonly metadata?: ImageMetadata;
  readonly split?: string;
  readonly tableId?: string;
}

/** A column of a Parquet file, nested as in Arrow. */
export type ParquetColumn = { readonly name: string } & ParquetType;

export type ParquetType =
  | { readonly type: 'string' | 'binary' | 'int64' }
  | { readonly type: 'list'; readonly element: ParquetType }
  | { readonly type: 'struct'; readonly fields: readonly ParquetColumn[] };
