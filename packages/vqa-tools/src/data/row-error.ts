import type { z } from 'zod';
import { VqaToolError } from '../errors.js';

/** A row that does not fit its format; the message has file, row and column. */
export function badRow(
  { file, row }: { readonly file: string; readonly row: number },
  message: string,
  cause?: unknown,
): VqaToolError {
  return new VqaToolError(
    'bad-row',
    `Row ${row} of ${file}: ${message}`,
    cause === undefined ? {} : { cause },
  );
}

/** Parses with zod. @throws {Error} With every column at fault in one line. */
export function parseRow<Schema extends z.ZodType>(schema: Schema, row: unknown): z.output<Schema> {
  const result = schema.safeParse(row);
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join('.')}: ${message}`,
  );
  throw new Error(issues.join('; '), { cause: result.error });
}
