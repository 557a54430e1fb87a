import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** How a model was made, beside its files. */
export interface ModelOrigin {
  readonly command: string;
  readonly seed: number;
  /** Weights, counted once where two files hold them. */
  readonly parameters: number;
  /** Steps of supervised training and of GRPO. */
  readonly supervisedSteps: number;
  readonly outcomeSteps: number;
}

/** Adds a model to `models.json`: hashes and sizes of its files, and how they were made. */
export function describeModel(models: string, name: string, origin: ModelOrigin): void {
  const path = join(models, 'models.json');
  const known: unknown = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
  const entry = { ...origin, commit, node: process.version, files: filesOf(join(models, name)) };
  const all = { ...(known as Record<string, unknown>), [name]: entry };
  writeFileSync(path, `${JSON.stringify(all, null, 2)}\n`);
}

/** Bytes and SHA-256 of every file in a folder, by its path there. */
export function filesOf(folder: string): Record<string, { bytes: number; sha256: string }> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return Object.fromEntries(
    paths.map((path) => {
      const bytes = readFileSync(path);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      return [path.slice(folder.length + 1), { bytes: bytes.length, sha256 }];
    }),
  );
}
