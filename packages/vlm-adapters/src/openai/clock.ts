import { setTimeout as wait } from 'node:timers/promises';

/** Time, so that tests can have their own. */
export interface Clock {
  /** Milliseconds since 1970: what `Retry-After` dates are compared with. */
  now(): number;
  /** Rejects with the signal's reason when that aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    signal?.throwIfAborted();
    try {
      await wait(ms, undefined, signal === undefined ? {} : { signal });
    } catch (cause) {
      signal?.throwIfAborted();
      throw cause;
    }
  },
};
