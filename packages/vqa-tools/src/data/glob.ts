import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { VqaToolError } from '../errors.js';

/**
 * The files that a path or glob means, sorted: `*` and `?` within a name, `**` over folders. A path
 * without them is taken as it is, a folder means every data file right in it.
 *
 * @throws {VqaToolError} `bad-argument` if nothing matches.
 */
export async function findFiles(pattern: string): Promise<readonly string[]> {
  const files = /[*?]/.test(pattern) ? await expand(pattern) : await plain(pattern);
  if (files.length === 0) {
    throw new VqaToolError('bad-argument', `No file matches ${pattern}.`);
  }
  return files;
}

async function plain(path: string): Promise<readonly string[]> {
  const found = await stat(path).catch(() => null);
  if (found === null) return [];
  if (!found.isDirectory()) return [path];
  const names = await readdir(path);
  return names
    .filter((name) => /\.(?:jsonl|ndjson|json|parquet)$/i.test(name))
    .sort()
    .map((name) => join(path, name));
}

async function expand(pattern: string): Promise<readonly string[]> {
  const parts = pattern.split(/[\\/]/);
  const firstGlob = parts.findIndex((part) => /[*?]/.test(part));
  const root = parts.slice(0, firstGlob).join('/') || (pattern.startsWith('/') ? '/' : '.');
  const matched: string[] = [];
  await walk(root, parts.slice(firstGlob), matched);
  return [...new Set(matched)].sort();
}

async function walk(folder: string, parts: readonly string[], matched: string[]): Promise<void> {
  const [part, ...rest] = parts;
  if (part === undefined) return;
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  if (part === '**') await walk(folder, rest, matched);
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (part === '**') {
      if (entry.isDirectory()) await walk(path, parts, matched);
    } else if (nameMatches(entry.name, part)) {
      if (rest.length === 0 && entry.isFile()) matched.push(path);
      else if (rest.length > 0 && entry.isDirectory()) await walk(path, rest, matched);
    }
  }
}

/** `*` any run of characters, `?` one; two pointers, so no pattern takes long. */
function nameMatches(name: string, pattern: string): boolean {
  let n = 0;
  let p = 0;
  let star = -1;
  let starName = 0;
  while (n < name.length) {
    if (pattern[p] === '*') {
      star = p++;
      starName = n;
    } else if (pattern[p] === '?' || pattern[p] === name[n]) {
      n++;
      p++;
    } else if (star !== -1) {
      p = star + 1;
      n = ++starName;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
