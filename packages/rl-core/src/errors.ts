/** What went wrong, as a closed list that callers may switch on. */
export type RlErrorCode =
  | 'invalid-argument'
  | 'shape-mismatch'
  | 'unknown-name'
  | 'missing-input'
  | 'non-finite'
  | 'invalid-reward'
  | 'no-signal'
  | 'aborted'
  | 'run-locked'
  | 'run-exists'
  | 'run-not-found'
  | 'config-mismatch'
  | 'checkpoint-damaged'
  | 'events-damaged'
  | 'disk-full'
  | 'folder-not-writable'
  | 'file-system';

/** Every error that this package throws. `details` holds the values that the message names. */
export class RlError extends Error {
  override readonly name = 'RlError';
  readonly code: RlErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: RlErrorCode,
    message: string,
    options: { cause?: unknown; details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}

/**
 * Looks a name up in one of the tables.
 * @throws {RlError} `unknown-name`, listing what the table holds.
 */
export function lookUp<T>(kind: string, table: Readonly<Record<string, T>>, name: string): T {
  const entry = Object.hasOwn(table, name) ? table[name] : undefined;
  if (entry === undefined) {
    throw new RlError(
      'unknown-name',
      `Unknown ${kind} "${name}". Known: ${Object.keys(table).join(', ')}.`,
      { details: { kind, name } },
    );
  }
  return entry;
}
