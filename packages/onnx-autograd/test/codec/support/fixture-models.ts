import { readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../../../fixtures/models', import.meta.url));

/** A graph of the fixture models. */
export interface FixtureModel {
  /** Path below the models' folder. */
  readonly name: string;
  readonly path: string;
  readonly directory: string;
}

/** Every `.onnx` file of the fixture models, in the order of their names. */
export const fixtureModels: readonly FixtureModel[] = readdirSync(root, {
  recursive: true,
  encoding: 'utf8',
})
  .filter((name) => name.endsWith('.onnx'))
  .sort()
  .map((name) => {
    const path = join(root, name);
    return { name: relative(root, path), path, directory: dirname(path) };
  });
