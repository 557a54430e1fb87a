import { type FileHandle, open } from 'node:fs/promises';
import { RlError } from '../errors.js';
import { readIfPresent, withFileErrors } from './durable-files.js';

/** How long the first `count` records of a file are, in bytes; null when it holds fewer whole ones. */
export type RecordScanner = (bytes: Buffer, count: number) => number | null;

/**
 * A file of records that only grows. What a crash left behind the last checkpoint is cut off on opening, so that a
 * resumed run writes those records again and none is lost or doubled.
 */
export class AppendFile {
  readonly path: string;
  readonly #file: FileHandle;
  #count: number;
  #pending: Uint8Array[] = [];

  private constructor(path: string, file: FileHandle, count: number) {
    this.path = path;
    this.#file = file;
    this.#count = count;
  }

  /**
   * Opens or creates the file and cuts it after `count` records.
   * @throws {RlError} `events-damaged` when it holds fewer.
   */
  static async open(path: string, count: number, scan: RecordScanner): Promise<AppendFile> {
    const bytes = (await readIfPresent(path)) ?? Buffer.alloc(0);
    const length = scan(bytes, count);
    if (length === null) {
      throw new RlError(
        'events-damaged',
        `${path} should hold at least ${count} whole records, as the checkpoint says, but does not. Restore the file, or start a new run folder.`,
        { details: { path, expected: count } },
      );
    }
    const file = await withFileErrors('open', path, async () => {
      const handle = await open(path, bytes.length === 0 ? 'a' : 'r+');
      try {
        if (bytes.length > length) await handle.truncate(length);
        return handle;
      } catch (error) {
        await handle.close();
        throw error;
      }
    });
    const appended = new AppendFile(path, file, count);
    appended.#end = length;
    return appended;
  }

  #end = 0;

  /** Records so far, those not yet written included. */
  get count(): number {
    return this.#count;
  }

  /** Adds a record; `flush` writes it. */
  append(record: Uint8Array): void {
    this.#pending.push(record);
    this.#count += 1;
  }

  /** Hands the records to the operating system. */
  async flush(): Promise<void> {
    if (this.#pending.length === 0) return;
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    await withFileErrors('append to', this.path, async () => {
      let written = 0;
      while (written < bytes.length) {
        const result = await this.#file.write(
          bytes,
          written,
          bytes.length - written,
          this.#end + written,
        );
        written += result.bytesWritten;
      }
      this.#end += bytes.length;
    });
  }

  /** Waits until everything is on the disk. */
  async sync(): Promise<void> {
    await this.flush();
    await withFileErrors('sync', this.path, () => this.#file.sync());
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** Records are lines. */
export const scanLines: RecordScanner = (bytes, count) => {
  let end = 0;
  for (let k = 0; k < count; k += 1) {
    const newline = bytes.indexOf(0x0a, end);
    if (newline < 0) return null;
    end = newline + 1;
  }
  return end;
};
