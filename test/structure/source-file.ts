import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A file of code; `path` is relative to its package's folder and uses `/`. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

const code = /\.[cm]?[jt]sx?$/;
const ignored = new Set(['node_modules', 'dist', 'fixtures', '.turbo', 'coverage']);

/** All files of code of a package, except what is built and what is a fixture. */
export function readSourceFiles(packageFolder: string, below = ''): SourceFile[] {
  return readdirSync(join(packageFolder, below), { withFileTypes: true }).flatMap(
    (entry): SourceFile[] => {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory())
        return ignored.has(entry.name) ? [] : readSourceFiles(packageFolder, path);
      if (!entry.isFile() || !code.test(entry.name)) return [];
      return [{ path, text: readFileSync(join(packageFolder, path), 'utf8') }];
    },
  );
}

/** Whether users get this file: it lies in `src` and is no test. */
export function isPublished({ path }: SourceFile): boolean {
  return path.startsWith('src/') && !/\.(test|test-d|bench)\.[cm]?[jt]sx?$/.test(path);
}
