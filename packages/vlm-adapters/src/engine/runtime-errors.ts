import { VlmError } from '../errors.js';

/** Runs native work; its errors come out as this package's, aborts as they are. */
export async function inRuntime<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof VlmError || isAbort(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new VlmError('runtime', `${what} failed: ${reason}`, { cause: error });
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
}
