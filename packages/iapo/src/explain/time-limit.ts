import { IapoError } from '../errors.js';

/**
 * Runs work that may be left: when the signal is aborted or the time is up, the promise is rejected whether or not
 * the work listens to the signal that it is given.
 *
 * @param options.timeoutMs `null` for no limit.
 * @throws The signal's reason; {@link IapoError} `explanation-failed` when the time is up.
 */
export async function withTimeLimit<T>(
  work: (signal: AbortSignal) => Promise<T>,
  {
    timeoutMs,
    signal,
  }: { readonly timeoutMs: number | null; readonly signal: AbortSignal | undefined },
): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => controller.abort(signal?.reason);
  signal?.throwIfAborted();
  signal?.addEventListener('abort', stop, { once: true });
  const timer =
    timeoutMs === null
      ? undefined
      : setTimeout(() => {
          const reason = `The time limit of ${timeoutMs} ms is over.`;
          controller.abort(new IapoError('explanation-failed', reason));
        }, timeoutMs);
  const left = new Promise<never>((_, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason), {
      once: true,
    });
  });
  try {
    return await Promise.race([work(controller.signal), left]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}
