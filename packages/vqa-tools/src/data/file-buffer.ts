import { type FileHandle, open } from 'node:fs/promises';
import type { AsyncBuffer, FileMetaData } from 'hyparquet';

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

/**
 * The same file with one row group held in memory, read at once: its columns then cost no further
 * reads. Ranges outside the group are read from the file.
 */
export async function holdRowGroup(
  file: FileBuffer,
  group: FileMetaData['row_groups'][number],
): Promise<AsyncBuffer> {
  const ranges = group.columns.flatMap(({ meta_data }) => {
    if (meta_data === undefined) return [];
    const start = Number(meta_data.dictionary_page_offset ?? meta_data.data_page_offset);
    return [[start, start + Number(meta_data.total_compressed_size)] as const];
  });
  const from = Math.min(...ranges.map(([start]) => start));
  const to = Math.min(file.byteLength, Math.max(...ranges.map(([, end]) => end)));
  if (!(from < to)) return file;
  const held = await file.slice(from, to);
  return {
    byteLength: file.byteLength,
    slice: (start, end = file.byteLength) =>
      start >= from && end <= to ? held.slice(start - from, end - from) : file.slice(start, end),
  };
}
