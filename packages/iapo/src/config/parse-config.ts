import { z } from 'zod';
import { IapoError } from '../errors.js';
import type { IapoConfig } from './iapo-config.js';
import { configSchema } from './schema.js';
import { nearest } from './suggest.js';

type Issue = z.core.$ZodIssue;

/**
 * Checks a configuration.
 *
 * @param where Named in the error, e.g. the file.
 * @throws {IapoError} `config-invalid`, one line a mistake, with the option that was probably meant.
 */
export function parseConfig(value: unknown, where = 'configuration'): IapoConfig {
  const parsed = configSchema.safeParse(value);
  // The schema checks all that `IapoConfig` says; models and other objects are used as they are.
  if (parsed.success) return value as IapoConfig;
  const lines = parsed.error.issues.flatMap((issue) => explain(issue, [], value));
  throw new IapoError('config-invalid', [`${where}:`, ...new Set(lines)].join('\n  '), {
    cause: parsed.error,
  });
}

function explain(issue: Issue, prefix: readonly PropertyKey[], input: unknown): string[] {
  const path = [...prefix, ...issue.path];
  if (issue.code === 'invalid_union') {
    return likeliest(issue.errors).flatMap((inner) => explain(inner, path, input));
  }
  const name = path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(configSchema, path);
    return issue.keys.map((key) => {
      const full = [...path, key].map(String).join('.');
      return `unknown option \`${full}\`.${suggestion(key, known)}`;
    });
  }
  const got = valueAt(input, path);
  if (issue.code === 'invalid_value') {
    const known = issue.values.map(String);
    return [
      `\`${name}\` is ${JSON.stringify(got)}; known: ${known.join(', ')}.${typeof got === 'string' ? suggestion(got, known, false) : ''}`,
    ];
  }
  if (got === undefined) return [`\`${name}\` is missing.`];
  return [
    `\`${name}\`: ${issue.message.replace(/^Invalid input: /, '').replace(/, received .*$/, '')}, got ${show(got)}.`,
  ];
}

/** Of the readings of a union, the one that the value was probably meant as: whose mistakes lie deepest. */
function likeliest(readings: readonly (readonly Issue[])[]): readonly Issue[] {
  const depth = (issues: readonly Issue[]): number =>
    Math.max(
      ...issues.map(
        ({ code, path }) =>
          2 * path.length + (code === 'invalid_type' || code === 'custom' ? 0 : 1),
      ),
    );
  return readings.reduce<readonly Issue[]>(
    (best, issues) => (best.length === 0 || depth(issues) > depth(best) ? issues : best),
    [],
  );
}

function suggestion(name: string, known: readonly string[], withList = true): string {
  const near = nearest(name, known);
  if (near !== null) return ` Did you mean \`${near}\`?`;
  return withList ? ` Known: ${known.join(', ')}.` : '';
}

/** Keys of the object that the schema has at a path, over all readings of unions. */
function knownKeys(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  const [head, ...rest] = path;
  const inner = unwrap(schema);
  return inner.flatMap((reading) => {
    if (reading instanceof z.ZodObject) {
      if (head === undefined) return Object.keys(reading.shape);
      const next = reading.shape[String(head)];
      return next === undefined ? [] : knownKeys(next, rest);
    }
    if (reading instanceof z.ZodArray && typeof head === 'number') {
      return knownKeys(reading.element, rest);
    }
    return [];
  });
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
    return unwrap(schema.unwrap());
  }
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(unwrap);
  return [schema];
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined,
    value,
  );
}

function show(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
