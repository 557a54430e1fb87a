import { VqaToolError } from '../errors.js';

/** A table to draw: texts only, each row as long as `columns`. */
export interface Table {
  readonly title?: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** No page holds more; keeps a hostile table from asking for gigabytes. */
const MAX_CELLS = 20_000;

/** @throws {VqaToolError} `bad-argument` for a table without columns, with ragged rows, or too large. */
export function assertTable({ columns, rows }: Table): void {
  if (columns.length === 0)
    throw new VqaToolError('bad-argument', 'A table needs at least one column.');
  if (columns.length * (rows.length + 1) > MAX_CELLS) {
    throw new VqaToolError(
      'limit-exceeded',
      `A table may have ${MAX_CELLS} cells, got ${columns.length}×${rows.length + 1}.`,
    );
  }
  const ragged = rows.findIndex((row) => row.length !== columns.length);
  if (ragged !== -1) {
    throw new VqaToolError(
      'bad-argument',
      `Row ${ragged} of the table has ${rows[ragged]?.length} cells, expected ${columns.length}.`,
    );
  }
}

/** The number that a cell shows: separators, currency and percent signs dropped; null for text. */
export function cellNumber(cell: string): number | null {
  const plain = cell
    .trim()
    .replace(/^[$£€¥]\s*/, '')
    .replaceAll(',', '')
    .replace(/\s*%$/, '')
    .replace('−', '-');
  return /^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : null;
}
