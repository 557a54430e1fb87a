import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { VlmError } from '../errors.js';

/** Progress of one file that is fetched. */
export interface DownloadProgress {
  readonly file: string;
  /** Bytes. */
  readonly loaded: number;
  /** Bytes; `null` if the server does not say. */
  readonly total: number | null;
}

/**
 * Fetches a file to a temporary name and renames it, so that a file under its own name is whole.
 *
 * @returns false if the server has no such file.
 * @throws {VlmError} `download`; an abort as it is.
 */
export async function fetchFile(
  url: URL,
  path: string,
  options: {
    readonly token: string | null;
    readonly onProgress: (loaded: number, total: number | null) => void;
    readonly signal: AbortSignal | undefined;
  },
): Promise<boolean> {
  const { token, onProgress, signal } = options;
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  let response: Response;
  try {
    response = await fetch(url, { headers, ...(signal === undefined ? {} : { signal }) });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new VlmError('download', `${url.href} cannot be reached.`, { cause: error });
  }
  if (response.status === 404) {
    await response.body?.cancel();
    return false;
  }
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    const hint = [401, 403].includes(response.status)
      ? ' The hub also answers so for models that do not exist: check the name, and set HF_TOKEN for a private one.'
      : '';
    throw new VlmError('download', `${url.href} answered ${response.status}.${hint}`);
  }
  const length = Number(response.headers.get('content-length') ?? Number.NaN);
  const isPlain = response.headers.get('content-encoding') === null;
  const total = Number.isSafeInteger(length) && isPlain ? length : null;
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.part`;
  try {
    const loaded = await save(response.body, temporary, (bytes) => onProgress(bytes, total));
    if (total !== null && loaded !== total) {
      throw new VlmError(
        'download',
        `${url.href} ended after ${loaded} of ${total} bytes: try again.`,
      );
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    if (error instanceof VlmError || signal?.aborted === true) throw error;
    throw new VlmError('download', `${url.href} could not be fetched to ${path}.`, {
      cause: error,
    });
  }
  return true;
}

async function save(
  body: ReadableStream<Uint8Array>,
  path: string,
  onBytes: (loaded: number) => void,
): Promise<number> {
  const file = await open(path, 'wx');
  let loaded = 0;
  try {
    for await (const chunk of body) {
      await file.write(chunk);
      loaded += chunk.length;
      onBytes(loaded);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return loaded;
}
