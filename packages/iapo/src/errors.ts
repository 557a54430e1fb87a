/** What went wrong, as a closed list that a program can branch on. */
export type IapoErrorCode =
  | 'invalid-option'
  | 'unknown-name'
  | 'missing-input'
  | 'model-output'
  | 'explanation-failed'
  | 'non-finite'
  | 'aborted'
  | 'config-not-found'
  | 'config-invalid'
  | 'run-not-found'
  | 'run-damaged'
  | 'file-system';

/** The error class of this package; those of the packages below pass through unchanged. */
export class IapoError extends Error {
  override readonly name = 'IapoError';
  /** Closed union, see {@link IapoErrorCode}. */
  readonly code: IapoErrorCode;

  constructor(code: IapoErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Finds a named entry, or takes an object as it is.
 *
 * @throws {IapoError} `unknown-name`, listing what the table holds.
 */
export function lookUp<T extends object>(
  kind: string,
  table: Readonly<Record<string, T>>,
  choice: string | T,
): T {
  if (typeof choice !== 'string') return choice;
  const entry = Object.hasOwn(table, choice) ? table[choice] : undefined;
  if (entry === undefined) {
    throw new IapoError(
      'unknown-name',
      `Unknown ${kind} "${choice}". Known: ${Object.keys(table).join(', ')}.`,
    );
  }
  return entry;
}
