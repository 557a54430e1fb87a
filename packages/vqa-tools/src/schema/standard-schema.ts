/** A JSON Schema as plain data (draft 7). */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** One problem found by a schema. */
export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What validation gives, as Standard Schema 1 defines it. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

/**
 * The part of the Standard Schema 1 interface that this package uses (https://standardschema.dev);
 * zod, valibot, arktype and others fit it.
 */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
    /** Standard JSON Schema, where the library offers it (zod ≥ 4.2). */
    readonly jsonSchema?:
      | { readonly input: (options: { target: 'draft-07' }) => Record<string, unknown> }
      | undefined;
  };
}

/** The argument name at the start of an issue's path, or null. */
export function argumentOfIssue(issue: StandardIssue): string | null {
  const first = issue.path?.[0];
  if (first === undefined) return null;
  return String(typeof first === 'object' ? first.key : first);
}
