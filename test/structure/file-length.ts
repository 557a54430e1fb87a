import type { SourceFile } from './source-file.js';

/** A file of more lines holds more than one idea. */
const maximumLines = 500;

/**
 * Files in a `src` folder, tests included, that are longer than 500 lines.
 *
 * @returns One message a finding.
 */
export function overlongFiles(packageName: string, files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
    if (!/(^|\/)src\//.test(path) || lines <= maximumLines) return [];
    return [
      `${packageName}: ${path} has ${lines} lines, more than ${maximumLines}. Split it by ideas.`,
    ];
  });
}
