import { posix } from 'node:path';
import { importsOf } from './imports.js';
import type { SourceFile } from './source-file.js';

/**
 * Cycles among the files of one package, type-only imports included: files that import each other
 * cannot be read, tested or moved one at a time.
 *
 * @returns One path a cycle found, its first file repeated at the end: `['a.ts', 'b.ts', 'a.ts']`.
 *   Every group of files that import each other yields at least one.
 */
export function importCycles(files: readonly SourceFile[]): string[][] {
  const paths = new Set(files.map(({ path }) => path));
  const importedBy = new Map(files.map((file) => [file.path, importedFiles(file, paths)]));
  const cycles: string[][] = [];
  const finished = new Set<string>();
  const trail: string[] = [];

  function visit(path: string): void {
    const start = trail.indexOf(path);
    if (start >= 0) cycles.push([...trail.slice(start), path]);
    if (start >= 0 || finished.has(path)) return;
    trail.push(path);
    for (const imported of importedBy.get(path) ?? []) visit(imported);
    trail.pop();
    finished.add(path);
  }

  for (const path of importedBy.keys()) visit(path);
  return cycles;
}

function importedFiles(file: SourceFile, paths: ReadonlySet<string>): string[] {
  return importsOf(file).flatMap((specifier) => {
    if (!specifier.startsWith('.')) return [];
    const target = posix.join(posix.dirname(file.path), specifier);
    const stem = target.replace(/\.[cm]?js$/, '');
    const found = [target, `${stem}.ts`, `${stem}.tsx`, `${stem}.mts`, `${target}/index.ts`].find(
      (path) => paths.has(path),
    );
    return found === undefined ? [] : [found];
  });
}
