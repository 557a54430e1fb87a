import { VlmError } from '../errors.js';
import { type RandomStream, randomStream } from '../sampling/random-stream.js';
import type { Clock } from './clock.js';

/** A failure that may be gone at the next attempt. */
export class PassingFailure extends Error {
  override readonly cause: VlmError;
  /** What the server asks to wait, in milliseconds. */
  readonly retryAfterMs: number | null;

  constructor(cause: VlmError, retryAfterMs: number | null = null) {
    super(cause.message);
    this.cause = cause;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface RetryOptions {
  readonly retries: number;
  readonly retryDelayMs: number;
  readonly maximumRetryDelayMs: number;
  readonly clock: Clock;
  /** Of this call's jitter. */
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Tries until it works, fails for good, or has been tried often enough.
 *
 * Waits double from one attempt to the next and are shortened at random by up to a half, so that clients that
 * failed together do not come back together. A server that says how long to wait is obeyed, up to the longest wait.
 *
 * @throws {VlmError} What the last attempt threw.
 */
export async function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { retries, clock, signal, maximumRetryDelayMs } = options;
  const random = randomStream({ rowSeed: options.seed });
  for (let tried = 0; ; tried++) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (failure) {
      signal?.throwIfAborted();
      if (!(failure instanceof PassingFailure)) throw failure;
      const asked = failure.retryAfterMs ?? 0;
      if (tried >= retries) throw afterAttempts(failure.cause, tried + 1);
      if (asked > maximumRetryDelayMs) {
        throw afterAttempts(
          failure.cause,
          tried + 1,
          `The server asks to wait ${asked} ms, and maximumRetryDelayMs is ${maximumRetryDelayMs}.`,
        );
      }
      await clock.sleep(Math.max(asked, backOff(tried, options, random)), signal);
    }
  }
}

function backOff(
  tried: number,
  { retryDelayMs, maximumRetryDelayMs }: RetryOptions,
  random: RandomStream,
): number {
  const delay = Math.min(retryDelayMs * 2 ** tried, maximumRetryDelayMs);
  return Math.round(delay * (1 - random() / 2));
}

function afterAttempts(error: VlmError, attempts: number, why = ''): VlmError {
  const count = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
  return new VlmError(error.code, [`${error.message} (${count})`, why].join(' ').trim(), {
    cause: error.cause,
  });
}

/** `Retry-After` in milliseconds: a number of seconds or a date; `null` if there is none to understand. */
export function retryAfterMs(header: string | null, clock: Clock): number | null {
  if (header === null) return null;
  const text = header.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - clock.now());
}
