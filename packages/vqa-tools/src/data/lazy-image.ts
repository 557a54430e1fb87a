import { readFile, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import { VqaToolError } from '../errors.js';
import { decodeImage } from '../image/decode.js';
import type { ExampleImage } from './example.js';

/**
 * An image from what a row holds: bytes, `{bytes, path}`, base64 text of a file, or a path. A path is read only
 * inside `imageFolder`; absolute paths, addresses and paths that lead out of it are refused.
 *
 * @returns null where the row holds no image.
 */
export function lazyImage(
  value: unknown,
  { imageFolder }: { imageFolder?: string | undefined } = {},
): ExampleImage | null {
  const { bytes, path } = partsOf(value);
  if (bytes === null && path === null) return null;
  return {
    bytes,
    path,
    async decode() {
      if (bytes !== null) return await decodeImage(bytes);
      return await decodeImage(await readInside(path ?? '', imageFolder));
    },
  };
}

function partsOf(value: unknown): { bytes: Uint8Array | null; path: string | null } {
  if (value instanceof Uint8Array) return { bytes: value, path: null };
  if (typeof value === 'string') return { bytes: null, path: value };
  if (typeof value !== 'object' || value === null) return { bytes: null, path: null };
  const bytes = 'bytes' in value ? value.bytes : null;
  const path = 'path' in value ? value.path : null;
  return {
    bytes:
      bytes instanceof Uint8Array
        ? bytes
        : typeof bytes === 'string'
          ? Buffer.from(bytes, 'base64')
          : null,
    path: typeof path === 'string' ? path : null,
  };
}

async function readInside(path: string, folder: string | undefined): Promise<Uint8Array> {
  if (folder === undefined) {
    throw new VqaToolError(
      'unsupported',
      `The row only names its image (${path}); give \`imageFolder\` to read it.`,
    );
  }
  if (isAbsolute(path) || /^[a-z][a-z0-9+.-]*:/i.test(path)) throw outside(path, folder);
  const root = await realpath(folder);
  const file = await realpath(join(root, path)).catch((cause: unknown) => {
    throw new VqaToolError('bad-image', `There is no image ${path} in ${folder}.`, { cause });
  });
  if (relative(root, file).startsWith('..')) throw outside(path, folder);
  return await readFile(file);
}

function outside(path: string, folder: string): VqaToolError {
  return new VqaToolError('bad-image', `The image path ${path} leads out of ${folder}.`);
}
