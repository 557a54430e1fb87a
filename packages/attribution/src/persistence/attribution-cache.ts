import { createReadStream } from 'node:fs';
import { appendFile, type FileHandle, open, stat, truncate } from 'node:fs/promises';
import { AttributionError } from '../errors.js';
import type { AttributionResult } from '../result.js';
import { parseAttribution, serializeAttribution } from './json.js';

interface Place {
  readonly offset: number;
  readonly length: number;
}

const newline = 0x0a;

/**
 * Results by key in a JSONL file, e.g. the teacher's attributions of a training set: written line by line while
 * they are made, read one at a time, continued after a crash. Only keys and offsets are held in memory.
 *
 * One process writes at a time. The last line of a key wins.
 */
export class AttributionCache {
  readonly path: string;
  readonly #places: Map<string, Place>;
  #end: number;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(path: string, places: Map<string, Place>, end: number) {
    this.path = path;
    this.#places = places;
    this.#end = end;
  }

  /**
   * Opens or creates a cache. A last line that a crash left unfinished is cut off.
   *
   * @throws {AttributionError} `bad-file` naming the line that is no cache entry.
   */
  static async open(path: string): Promise<AttributionCache> {
    const places = new Map<string, Place>();
    const end = await indexLines(path, places);
    return new AttributionCache(path, places, end);
  }

  get size(): number {
    return this.#places.size;
  }

  has(key: string): boolean {
    return this.#places.has(key);
  }

  keys(): string[] {
    return [...this.#places.keys()];
  }

  /** The result of a key; `null` when there is none. */
  async get(key: string): Promise<AttributionResult | null> {
    await this.#queue;
    const place = this.#places.get(key);
    if (place === undefined) return null;
    const file = await open(this.path, 'r');
    try {
      return readEntry(await readPlace(file, place), this.path).result;
    } finally {
      await file.close();
    }
  }

  /** Appends a result. Calls may overlap; they are written one after the other. */
  append(key: string, result: AttributionResult): Promise<void> {
    const line = Buffer.from(
      `{"key":${JSON.stringify(key)},"result":${serializeAttribution(result)}}\n`,
    );
    const write = this.#queue.then(async () => {
      await appendFile(this.path, line);
      this.#places.set(key, { offset: this.#end, length: line.length - 1 });
      this.#end += line.length;
    });
    // A failed write is reported to its caller and must not block the ones behind it.
    this.#queue = write.catch(() => undefined);
    return write;
  }

  /** All entries, read one at a time. */
  async *entries(): AsyncGenerator<[string, AttributionResult]> {
    for (const key of this.keys()) {
      const result = await this.get(key);
      if (result !== null) yield [key, result];
    }
  }
}

/** Notes where each key's line lies; returns the length of the whole lines and cuts the file there. */
async function indexLines(path: string, places: Map<string, Place>): Promise<number> {
  const exists = await stat(path).then(
    (info) => info.isFile(),
    () => false,
  );
  if (!exists) return 0;
  let rest = Buffer.alloc(0);
  let offset = 0;
  for await (const chunk of createReadStream(path)) {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
      const { key } = readEntry(rest.toString('utf8', 0, end), `${path} at byte ${offset}`);
      places.set(key, { offset, length: end });
      offset += end + 1;
      rest = rest.subarray(end + 1);
    }
  }
  if (rest.length > 0) await truncate(path, offset);
  return offset;
}

function readEntry(line: string, where: string): { key: string; result: AttributionResult } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new AttributionError('bad-file', `${where}: the line is not JSON.`, { cause });
  }
  if (typeof value !== 'object' || value === null || !('key' in value) || !('result' in value)) {
    throw new AttributionError('bad-file', `${where}: the line has no \`key\` and \`result\`.`);
  }
  if (typeof value.key !== 'string') {
    throw new AttributionError('bad-file', `${where}: \`key\` must be a string.`);
  }
  return { key: value.key, result: parseAttribution(JSON.stringify(value.result), where) };
}

async function readPlace(file: FileHandle, { offset, length }: Place): Promise<string> {
  const bytes = Buffer.alloc(length);
  await file.read(bytes, 0, length, offset);
  return bytes.toString('utf8');
}
