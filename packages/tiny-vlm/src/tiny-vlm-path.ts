import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TinyVlmError } from './errors.js';

/** The models in the package; the README says how each was made. */
export type TinyVlmName = 'base' | 'student' | 'teacher';

const names: readonly string[] = ['base', 'student', 'teacher'] satisfies TinyVlmName[];

/**
 * The folder of a model, in the layout of transformers.js: `onnx/`, `config.json`, `tokenizer.json`, ….
 *
 * @returns An absolute path.
 * @throws {TinyVlmError} `unknown-model`; `missing-files` where the installed package lacks them.
 * @example
 * const model = await OnnxVlm.load(tinyVlmPath('teacher'));
 */
export function tinyVlmPath(name: TinyVlmName): string {
  if (!names.includes(name)) {
    throw new TinyVlmError(
      'unknown-model',
      `There is no model ${JSON.stringify(name)}. Known: ${names.join(', ')}.`,
    );
  }
  // This file lies one folder below the package's root, in src as in dist.
  const folder = fileURLToPath(new URL(`../models/${name}`, import.meta.url));
  if (!existsSync(join(folder, 'config.json'))) {
    throw new TinyVlmError(
      'missing-files',
      `The model "${name}" is not in the package: ${folder} holds no config.json. Reinstall the package; in a checkout, train it: npm run train -w packages/tiny-vlm -- --model ${name}.`,
    );
  }
  return folder;
}
