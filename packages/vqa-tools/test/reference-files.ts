import { fileURLToPath } from 'node:url';

/**
 * The path of a reference file. The fixtures beside this file by default; set
 * `VQA_REFERENCE_FOLDER` to run the same tests over a larger set of the same kinds.
 */
export function referenceFile(name: string): string {
  const folder = process.env.VQA_REFERENCE_FOLDER;
  return folder === undefined
    ? fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))
    : `${folder}/${name}`;
}
