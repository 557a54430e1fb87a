import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { AttributionError } from '../errors.js';
import type { AttributionResult } from '../result.js';
import { resultSchema } from './schema.js';

/**
 * A result as JSON text.
 *
 * @param options.timings Keep `cost.seconds`. Default true; false gives the same bytes for the same seed.
 */
export function serializeAttribution(
  result: AttributionResult,
  { timings = true }: { timings?: boolean } = {},
): string {
  return JSON.stringify(timings ? result : { ...result, cost: { ...result.cost, seconds: 0 } });
}

/**
 * Reads what {@link serializeAttribution} wrote, checking every field.
 *
 * @param where Named in errors. Default `text`.
 * @throws {AttributionError} `bad-file` for broken JSON, another format or a newer version.
 */
export function parseAttribution(text: string, where = 'text'): AttributionResult {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AttributionError('bad-file', `${where}: not JSON (${String(cause)}).`, { cause });
  }
  const parsed = resultSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new AttributionError(
    'bad-file',
    `${where}: not an attribution of version 1. ${z.prettifyError(parsed.error)}`,
    { cause: parsed.error },
  );
}

/** Writes a result to a file; the file is whole or absent, also when the process dies in between. */
export async function saveAttribution(path: string, result: AttributionResult): Promise<void> {
  const temporary = `${path}.${process.pid}.part`;
  await writeFile(temporary, `${serializeAttribution(result)}\n`);
  await rename(temporary, path);
}

/** Reads a file of {@link saveAttribution}. @throws {AttributionError} `bad-file`. */
export async function loadAttribution(path: string): Promise<AttributionResult> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new AttributionError('bad-file', `Cannot read ${path}.`, { cause });
  }
  return parseAttribution(text, path);
}
