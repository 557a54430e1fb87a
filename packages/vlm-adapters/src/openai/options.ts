import { VlmError } from '../errors.js';
import { type Clock, systemClock } from './clock.js';
import type { ServerDialect } from './dialects/dialect.js';
import { type ServerName, serverDialects } from './dialects/index.js';

/**
 * What the log-probabilities of sampled tokens are those of, as vLLM's `--logprobs-mode` says: the model's own
 * distribution, or the one that was sampled from.
 */
export type LogprobsMode = 'raw_logprobs' | 'processed_logprobs';

export interface OpenAiVlmOptions {
  /** Name of the model on the server, or of an adapter that it has loaded. */
  readonly model: string;
  /** Up to and with `/v1`. Default: the environment's `OPENAI_BASE_URL`. */
  readonly baseUrl?: string | URL;
  /** Default: the environment's `OPENAI_API_KEY`; `null` for none. Never part of an error. */
  readonly apiKey?: string | null;
  /** What the server is, which says what it can do. Default `'vllm'`. */
  readonly server?: ServerName;
  /** How the server was started. Default `'raw_logprobs'`, as vLLM's. */
  readonly logprobsMode?: LogprobsMode;
  /** For one attempt, from the request to the last byte. Default 300,000: Node's fetch waits no longer for headers. */
  readonly timeoutMs?: number;
  /** Attempts after the first one. Default 4. */
  readonly retries?: number;
  /** First wait before another attempt; it doubles each time. Default 500. */
  readonly retryDelayMs?: number;
  /** Longest wait, also when the server asks for more: then the call fails. Default 60,000. */
  readonly maximumRetryDelayMs?: number;
  /** Requests at a time. Default 8. */
  readonly concurrency?: number;
  /** Of the waits' jitter. Default 0. */
  readonly seed?: number;
  /** Further headers of every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Further fields of every generation, such as `chat_template_kwargs` or `mm_processor_kwargs`. */
  readonly extraBody?: Readonly<Record<string, unknown>>;
  /** In place of Node's, e.g. undici's with an agent of your own. */
  readonly fetch?: typeof globalThis.fetch;
  /** In place of the system's. */
  readonly clock?: Clock;
}

export interface ResolvedOptions extends Required<Omit<OpenAiVlmOptions, 'server' | 'baseUrl'>> {
  readonly dialect: ServerDialect;
  /** Without a slash at its end. */
  readonly baseUrl: string;
}

/** @throws {VlmError} `invalid-argument`. */
export function resolveOptions(options: OpenAiVlmOptions): ResolvedOptions {
  const { server = 'vllm', model } = options;
  const dialect = Object.hasOwn(serverDialects, server) ? serverDialects[server] : undefined;
  if (dialect === undefined) {
    throw invalid('server', `one of ${Object.keys(serverDialects).join(', ')}`, server);
  }
  if (typeof model !== 'string' || model === '') {
    throw invalid('model', "the model's name on the server", model);
  }
  return {
    model,
    dialect,
    baseUrl: baseUrlOf(options.baseUrl ?? process.env['OPENAI_BASE_URL']),
    apiKey: options.apiKey === undefined ? (process.env['OPENAI_API_KEY'] ?? null) : options.apiKey,
    logprobsMode: options.logprobsMode ?? 'raw_logprobs',
    timeoutMs: atLeast('timeoutMs', options.timeoutMs ?? 300_000, 1),
    retries: wholeAtLeast('retries', options.retries ?? 4, 0),
    retryDelayMs: atLeast('retryDelayMs', options.retryDelayMs ?? 500, 0),
    maximumRetryDelayMs: atLeast('maximumRetryDelayMs', options.maximumRetryDelayMs ?? 60_000, 0),
    concurrency: wholeAtLeast('concurrency', options.concurrency ?? 8, 1),
    seed: wholeAtLeast('seed', options.seed ?? 0, Number.MIN_SAFE_INTEGER),
    headers: options.headers ?? {},
    extraBody: options.extraBody ?? {},
    // Looked up at each call, so that a fetch that is replaced later is used.
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    clock: options.clock ?? systemClock,
  };
}

function baseUrlOf(value: string | URL | undefined): string {
  if (value === undefined) {
    throw new VlmError(
      'invalid-argument',
      '`baseUrl` is missing: pass the server\'s address, such as "http://localhost:8000/v1", or set OPENAI_BASE_URL.',
    );
  }
  const url = URL.canParse(String(value)) ? new URL(value) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw invalid('baseUrl', 'an http: or https: address', String(value));
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

function atLeast(name: string, value: number, least: number): number {
  if (Number.isFinite(value) && value >= least) return value;
  throw invalid(name, `a number of at least ${least}`, value);
}

function wholeAtLeast(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw invalid(name, `a whole number of at least ${least}`, value);
}

function invalid(name: string, expected: string, got: unknown): VlmError {
  return new VlmError('invalid-argument', `\`${name}\` must be ${expected}, got ${String(got)}.`);
}
