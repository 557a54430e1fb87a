import { type FileHandle, open } from 'node:fs/promises';
import type { AsyncBuffer } from 'hyparquet';

/** A file as hyparquet reads it: bytes by range, through one handle. */
export interface FileBuffer extends AsyncBuffer {
  close(): Promise<void>;
}

/** Opens a file for reading by ranges. The caller closes it. */
export async function openFileBuffer(file: string): Promise<FileBuffer> {
  const handle = await open(file, 'r');
  const { size } = await handle.stat();
  return {
    byteLength: size,
    slice: (start, end = size) => readRange(handle, start, end),
    close: () => handle.close(),
  };
}

async function readRange(handle: FileHandle, start: number, end: number): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(end - start);
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, start + done);
    if (bytesRead === 0) throw new Error(`the file ends at byte ${start + done}, before ${end}`);
    done += bytesRead;
  }
  return bytes.buffer;
}
