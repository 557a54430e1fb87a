import { AttributionError } from './errors.js';

/**
 * Resolves "by name or as an object": a string is looked up in the table, an object is taken as it is.
 *
 * @throws {AttributionError} `unknown-name`, listing what the table holds.
 */
export function lookUp<T extends object>(
  kind: string,
  table: Readonly<Record<string, T>>,
  choice: string | T,
): T {
  if (typeof choice !== 'string') return choice;
  const found = Object.hasOwn(table, choice) ? table[choice] : undefined;
  if (found === undefined) {
    throw new AttributionError(
      'unknown-name',
      `Unknown ${kind} "${choice}". Known: ${Object.keys(table).join(', ')}; or pass an object.`,
    );
  }
  return found;
}
