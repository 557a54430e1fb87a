import pLimit, { type LimitFunction } from 'p-limit';
import { z } from 'zod';
import { VlmError } from '../errors.js';
import type { ResolvedOptions } from './options.js';
import { PassingFailure, retryAfterMs, withRetries } from './retries.js';
import { serverEvents } from './server-events.js';
import { errorResponse } from './wire-schemas.js';

export interface Call<T> {
  /** From `/`; `{root}` in front stands for the address without `/v1`. */
  readonly path: string;
  readonly body: unknown;
  readonly schema: z.ZodType<T>;
  readonly signal?: AbortSignal | undefined;
}

/** Statuses that another attempt may find gone: too early, too often, or trouble on the server's side. */
const passingStatuses: ReadonlySet<number> = new Set([408, 409, 425, 429, 500, 502, 503, 504, 529]);

/** Bytes of an answer that is no answer which an error shows. */
const shownCharacters = 300;

/**
 * Posts JSON to a server: a few requests at a time, each with a time limit, and again when a failure may pass.
 *
 * @throws {VlmError} `server`, `timeout`, `context-length` or `unsupported`.
 */
export class HttpClient {
  readonly #options: ResolvedOptions;
  readonly #limit: LimitFunction;
  #calls = 0;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#limit = pLimit(options.concurrency);
  }

  /** The answer, or `null` if the server does not have the path. */
  async postIfOffered<T>(call: Call<T>): Promise<T | null> {
    try {
      return await this.post(call);
    } catch (error) {
      if (error instanceof VlmError && error.cause instanceof MissingPath) return null;
      throw error;
    }
  }

  async post<T>(call: Call<T>): Promise<T> {
    return await this.#withRetries(call.signal, () =>
      this.#attempt(call, call.body, async (response) => parse(await response.text(), call)),
    );
  }

  /**
   * Posts and reads a stream of events. A stream that is cut is begun again from its start, unless `onEvent` has
   * handed something on and says so.
   *
   * @param start Called at the beginning of each attempt.
   * @param onEvent Returns whether the failure of this attempt is still allowed to be hidden by another one.
   */
  async stream<T>(call: Call<T>, start: () => void, onEvent: (event: T) => boolean): Promise<void> {
    await this.#withRetries(call.signal, async () => {
      start();
      let canRepeat = true;
      try {
        await this.#attempt(call, { ...Object(call.body), stream: true }, async (response) => {
          if (response.body === null) throw cutStream(call.path);
          let isDone = false;
          for await (const data of serverEvents(response.body)) {
            if (data === '[DONE]') {
              isDone = true;
              break;
            }
            canRepeat = onEvent(parse(data, call)) && canRepeat;
          }
          if (!isDone) throw cutStream(call.path);
        });
      } catch (failure) {
        if (failure instanceof PassingFailure && !canRepeat) throw failure.cause;
        throw failure;
      }
    });
  }

  async #withRetries<T>(signal: AbortSignal | undefined, attempt: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    const seed = Math.imul(this.#options.seed + ++this.#calls, 0x9e3779b1);
    return await this.#limit(() => withRetries(attempt, { ...this.#options, seed, signal }));
  }

  async #attempt<R>(
    { path, signal }: Call<unknown>,
    body: unknown,
    read: (response: Response) => Promise<R>,
  ): Promise<R> {
    const { timeoutMs, fetch, clock } = this.#options;
    const timeout = AbortSignal.timeout(timeoutMs);
    const url = this.#url(path);
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: this.#headers(),
        body: JSON.stringify(body),
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      });
      if (response.ok) return await read(response);
      const error = statusError(url, response.status, await response.text());
      if (!passingStatuses.has(response.status)) throw error;
      throw new PassingFailure(error, retryAfterMs(response.headers.get('retry-after'), clock));
    } catch (cause) {
      if (signal?.aborted === true) throw signal.reason;
      if (timeout.aborted) {
        throw new PassingFailure(
          new VlmError(
            'timeout',
            `${url} gave no whole answer within ${timeoutMs} ms. Raise \`timeoutMs\`, or ask for fewer tokens.`,
            { cause },
          ),
        );
      }
      if (cause instanceof VlmError || cause instanceof PassingFailure) throw cause;
      throw new PassingFailure(
        new VlmError('server', `${url} cannot be reached, or hung up: ${reasonOf(cause)}.`, {
          cause,
        }),
      );
    }
  }

  #url(path: string): string {
    const { baseUrl } = this.#options;
    return path.startsWith('{root}')
      ? baseUrl.replace(/\/v1$/, '') + path.slice('{root}'.length)
      : baseUrl + path;
  }

  #headers(): Record<string, string> {
    const { apiKey, headers } = this.#options;
    return {
      'content-type': 'application/json',
      ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
      ...headers,
    };
  }
}

/** Cause of the error about a path that the server does not have. */
class MissingPath extends Error {}

function parse<T>(text: string, { path, schema }: Call<T>): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new VlmError(
      'server',
      `${path} answered with something that is not JSON: ${shown(text)}`,
      { cause },
    );
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  // vLLM reports what fails in the middle of a stream as an event.
  const failure = errorResponse.safeParse(json);
  const message = failure.success
    ? `${path} failed: ${failure.data}`
    : `${path} answered with another shape than a chat server's. ${z.prettifyError(result.error)}`;
  throw new VlmError('server', message, { cause: result.error });
}

function statusError(url: string, status: number, body: string): VlmError {
  const message = messageOf(body);
  const text = `${url} answered with status ${status}: ${message}`;
  if (status === 404 || status === 405) {
    // A model that is not there is reported with the same status, and a message.
    const isPath = !/model/i.test(message);
    return new VlmError('server', text, { cause: isPath ? new MissingPath(message) : undefined });
  }
  if (status === 401 || status === 403) {
    return new VlmError('server', `${text} Check \`apiKey\` or OPENAI_API_KEY.`);
  }
  if (/maximum (context|model) length|longer than the maximum|max_model_len/i.test(message)) {
    return new VlmError('context-length', text);
  }
  if (status === 400 && /logprobs/i.test(message)) return new VlmError('unsupported', text);
  return new VlmError('server', text);
}

function messageOf(body: string): string {
  try {
    const result = errorResponse.safeParse(JSON.parse(body));
    if (result.success) return result.data;
  } catch {
    // No JSON: the text itself is shown.
  }
  return shown(body);
}

function shown(text: string): string {
  if (text === '') return '(nothing)';
  return text.length <= shownCharacters ? text : `${text.slice(0, shownCharacters)}…`;
}

function cutStream(path: string): PassingFailure {
  return new PassingFailure(
    new VlmError('server', `The stream of ${path} ended before its last event.`),
  );
}

/** Node's fetch says "fetch failed" and why in the cause. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? `${cause.message}: ${cause.cause.message}` : cause.message;
}
