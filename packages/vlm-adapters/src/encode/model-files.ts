import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { ZodType } from 'zod';
import { VlmError } from '../errors.js';

/** The files of a model, wherever they are. */
export interface ModelFiles {
  /** Folder with the files; `null` where they are not in one. */
  readonly folder: string | null;
  /** The model's name in errors and results. */
  readonly id: string;
  /** A file's bytes; `null` if the model has no such file. */
  read(name: string): Promise<Uint8Array | null>;
}

/** The files of a local folder. */
export function folderFiles(folder: string): ModelFiles {
  const root = resolve(folder);
  return {
    folder: root,
    id: basename(root),
    read: async (name) => {
      try {
        return await readFile(join(root, name));
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
        throw new VlmError('model-file', `"${name}" of ${root} cannot be read.`, { cause: error });
      }
    },
  };
}

/** Values of a JSON file. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A JSON file of the model; `null` if there is none. */
export async function readJson(files: ModelFiles, name: string): Promise<JsonObject | null> {
  const bytes = await files.read(name);
  if (bytes === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw new VlmError('model-file', `"${name}" of ${files.id} is no valid JSON: fetch it again.`, {
      cause: error,
    });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new VlmError('model-file', `"${name}" of ${files.id} holds no JSON object.`);
  return Object.fromEntries(Object.entries(value));
}

/** As {@link readJson}, for files that a model must have. */
export async function requireJson(files: ModelFiles, name: string): Promise<JsonObject> {
  const value = await readJson(files, name);
  if (value !== null) return value;
  throw new VlmError(
    'model-file',
    `${files.id} has no "${name}": expected a model in the layout of transformers.js.`,
  );
}

/** Checks values against a schema and gives them their defaults. */
export function parseSettings<T>(schema: ZodType<T>, value: unknown, where: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new VlmError(
    'model-file',
    `${where}: "${issue?.path.join('.') ?? ''}" is not as expected: ${issue?.message ?? 'unknown'}.`,
    { cause: result.error },
  );
}
