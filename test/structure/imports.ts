import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import typescript from 'typescript';
import type { Manifest } from '../../scripts/workspace.mjs';
import { isPublished, type SourceFile } from './source-file.js';

/** Every specifier that a file imports, re-exports from, or names in a type; type-only ones too. */
export function importsOf({ text }: SourceFile): string[] {
  const { importedFiles } = typescript.preProcessFile(text, true, true);
  return importedFiles.map(({ fileName }) => fileName);
}

/** `@iapo/rl-core/testing` → `@iapo/rl-core`; `null` if the specifier names no package. */
export function packageOf(specifier: string): string | null {
  if (specifier.startsWith('.') || specifier.startsWith('#') || isBuiltin(specifier)) return null;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/**
 * Imports that the package's manifest does not declare, and imports of other packages' files by path.
 * Published files need a runtime dependency (a type-only import ends up in the declarations, so it
 * needs one too); tests and tools may also use development dependencies, and the repository's own.
 *
 * @param rootManifest The repository's package.json, whose development dependencies serve every test.
 * @returns One message a finding.
 */
export function undeclaredImports(
  manifest: Manifest,
  files: readonly SourceFile[],
  rootManifest: Manifest,
): string[] {
  const runtime = new Set([
    manifest.name,
    ...Object.keys({
      ...manifest.dependencies,
      ...manifest.peerDependencies,
      ...manifest.optionalDependencies,
    }),
  ]);
  const development = new Set([
    ...runtime,
    ...Object.keys(manifest.devDependencies ?? {}),
    ...Object.keys(rootManifest.devDependencies ?? {}),
  ]);
  return files.flatMap((file) => {
    const declared = isPublished(file) ? runtime : development;
    return importsOf(file).flatMap((specifier) => {
      if (leavesPackage(file.path, specifier)) {
        return [
          `${manifest.name}: ${file.path} imports "${specifier}", a file of another package. Import its name.`,
        ];
      }
      const imported = packageOf(specifier);
      if (imported === null || declared.has(imported)) return [];
      const section = isPublished(file) ? 'dependencies' : 'devDependencies';
      return [
        `${manifest.name}: ${file.path} imports "${specifier}", which is not in its "${section}".`,
      ];
    });
  });
}

/** The repository's scripts are everybody's; other packages are not. */
function leavesPackage(path: string, specifier: string): boolean {
  if (!specifier.startsWith('.')) return false;
  const target = posix.normalize(posix.join(posix.dirname(path), specifier));
  return target.startsWith('../') && !/^(\.\.\/)+scripts\//.test(target);
}
