import { AttributionError } from './errors.js';
import type { Awaitable } from './model.js';

/**
 * Calls a member of the user's model: a cancelled run ends with the signal's reason, also while the model goes on
 * without listening to it; anything that the model throws becomes a `model-failed` error with that as its cause.
 */
export async function callModel<T>(
  what: string,
  signal: AbortSignal | undefined,
  call: () => Awaitable<T>,
): Promise<T> {
  signal?.throwIfAborted();
  let result: T;
  try {
    result = await untilAborted(call(), signal);
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof AttributionError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AttributionError('model-failed', `The model failed in \`${what}\`: ${reason}`, {
      cause,
    });
  }
  signal?.throwIfAborted();
  return result;
}

async function untilAborted<T>(running: Awaitable<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined || !(running instanceof Promise)) return running;
  signal.throwIfAborted();
  let leave = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
  });
  try {
    return await Promise.race([running, aborted]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

/** Checks the length of an array that a model returned. */
export function requireLength(
  what: string,
  values: ArrayLike<number> | undefined,
  shape: Readonly<Record<string, number>>,
): void {
  const expected = Object.values(shape).reduce((product, size) => product * size, 1);
  if (values?.length !== expected) {
    const letters = Object.keys(shape).join(', ');
    const sizes = Object.values(shape).join(', ');
    throw new AttributionError(
      'model-output',
      `\`${what}\`: expected [${letters}] = [${sizes}], ${expected} numbers; got ${values?.length ?? 'nothing'}.`,
    );
  }
}
