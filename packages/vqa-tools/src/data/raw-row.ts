import type { VqaToolError } from '../errors.js';

/** A row as it was read, or why it could not be. */
export type RawRow =
  | { readonly row: number; readonly value: Readonly<Record<string, unknown>> }
  | { readonly row: number; readonly error: VqaToolError };
