import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type HttpBindings, serve } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import { detokenize, endOfTurn, logProbability, renderTokens } from './toy-model.js';

/**
 * A server with the fields of vLLM's `ChatCompletionResponse`, `CompletionResponse`, `TokenizeResponse` and
 * `ErrorResponse`, unset ones as `null` as vLLM writes them, over a toy model. What it samples is scripted.
 *
 * @see vllm/entrypoints/openai/chat_completion/protocol.py, vllm/entrypoints/serve/tokenize/protocol.py
 */
export interface MockOptions {
  readonly logprobsMode?: 'raw_logprobs' | 'processed_logprobs';
  /** vLLM before 0.17 left one placeholder for each picture when it tokenized. */
  readonly expandsWhenTokenizing?: boolean;
  /** Paths that the server does not have. */
  readonly without?: readonly string[];
  /** `--enable-auto-tool-choice`: tool calls are parsed when `tool_choice` is `auto`. */
  readonly parsesTools?: boolean;
  /** `--exclude-tools-when-tool-choice-none`. */
  readonly excludesTools?: boolean;
  /** Does not know `return_token_ids`. */
  readonly isOld?: boolean;
}

export type Fault =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    }
  | { readonly kind: 'slow-headers'; readonly ms: number }
  | { readonly kind: 'cut-body' }
  | { readonly kind: 'hang-up' }
  | { readonly kind: 'cut-stream'; readonly afterChunks: number }
  | { readonly kind: 'stream-error' }
  | { readonly kind: 'body'; readonly body: string }
  | { readonly kind: 'change'; readonly change: (response: Record<string, unknown>) => unknown };

export interface Recorded {
  readonly path: string;
  // Bodies are whatever the client under test sent; tests look into them.
  // biome-ignore lint/suspicious/noExplicitAny: plain JSON of a request
  readonly body: any;
  readonly headers: Headers;
}

export class MockVllm {
  readonly app: Hono<{ Bindings: HttpBindings }> = new Hono();
  /** Address up to and with `/v1`, once started. */
  url = '';
  readonly requests: Recorded[] = [];
  /** What is sampled next: token ids, from first to last; then `hi` and an end, for ever. */
  script: number[][] = [];
  /** What goes wrong next, one fault a request. */
  faults: Fault[] = [];
  running = 0;
  mostRunning = 0;
  readonly #options: MockOptions;
  #server: Server | undefined;

  constructor(options: MockOptions = {}) {
    this.#options = options;
    this.#routes();
  }

  async start(): Promise<string> {
    await new Promise((resolve) => {
      const options = { fetch: this.app.fetch, port: 0, hostname: '127.0.0.1' };
      this.#server = serve(options, ({ port }: AddressInfo) => {
        this.url = `http://127.0.0.1:${port}/v1`;
        resolve(undefined);
      }) as Server;
    });
    return this.url;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  /** Requests of one path. */
  sent(path: string): Recorded[] {
    return this.requests.filter((request) => request.path === path);
  }

  #routes(): void {
    const { app } = this;
    app.use('*', async (context, next) => {
      const body = context.req.method === 'POST' ? await context.req.json() : null;
      this.requests.push({ path: context.req.path, body, headers: context.req.raw.headers });
      this.running++;
      this.mostRunning = Math.max(this.mostRunning, this.running);
      try {
        const answered = await this.#fault(context.req.raw.signal, context.env.outgoing);
        if (answered !== undefined) return answered;
        if (this.#options.without?.includes(context.req.path) === true)
          return Response.json({ detail: 'Not Found' }, { status: 404 });
        return await next();
      } finally {
        this.running--;
      }
    });
    app.get('/v1/models', (context) =>
      context.json({
        object: 'list',
        data: [
          {
            id: 'toy',
            object: 'model',
            created: 1,
            owned_by: 'vllm',
            root: 'toy',
            parent: null,
            max_model_len: 4096,
            permission: [],
          },
        ],
      }),
    );
    app.post('/tokenize', (context) => {
      const { body } = this.#last();
      const tokens = this.#render(body, this.#options.expandsWhenTokenizing ?? true);
      return context.json({ count: tokens.length, max_model_len: 4096, tokens, token_strs: null });
    });
    app.post('/detokenize', (context) =>
      context.json({ prompt: detokenize(this.#last().body.tokens) }),
    );
    app.post('/v1/completions', (context) => {
      const { body } = this.#last();
      const prompt: number[] = body.prompt;
      const scores = this.#promptLogprobs(prompt, body.prompt_logprobs);
      return this.#finish(context.json(textResponse(body, prompt, scores)));
    });
    app.post('/v1/chat/completions', async (context) => {
      const { body } = this.#last();
      if (body.model !== 'toy')
        return errorOf(404, `The model \`${body.model}\` does not exist.`, 'NotFoundError');
      if (body.add_generation_prompt !== false && body.continue_final_message === true) {
        return errorOf(
          400,
          'Cannot set both `continue_final_message` and `add_generation_prompt` to True.',
        );
      }
      if (body.stream === true && body.prompt_logprobs !== undefined) {
        return errorOf(400, '`prompt_logprobs` are not available when `stream=True`.');
      }
      if (
        body.tools !== undefined &&
        body.tool_choice !== 'none' &&
        this.#options.parsesTools !== true
      ) {
        return errorOf(
          400,
          '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
        );
      }
      const prompt = this.#render(body, true);
      if (prompt.length + (body.max_tokens ?? 1) > 4096) {
        return errorOf(
          400,
          `This model's maximum context length is 4096 tokens. However, your request has ${prompt.length} input tokens.`,
        );
      }
      const sampled = this.script.shift() ?? [114, 115, endOfTurn];
      const answer = this.#answer(
        body,
        prompt,
        sampled.slice(0, body.max_completion_tokens ?? body.max_tokens),
      );
      if (body.stream === true) {
        const fault = this.#pending;
        this.#pending = undefined;
        return streamSSE(context, async (stream) => {
          for (const [index, chunk] of chunksOf(answer, prompt, body).entries()) {
            if (fault?.kind === 'cut-stream' && index === fault.afterChunks) return;
            if (fault?.kind === 'stream-error' && index === 1) {
              await stream.writeSSE({
                data: JSON.stringify({
                  error: {
                    message: 'EngineCore died',
                    type: 'InternalServerError',
                    param: null,
                    code: 500,
                  },
                }),
              });
              return;
            }
            await stream.writeSSE({ data: JSON.stringify(chunk) });
          }
          await stream.writeSSE({ data: '[DONE]' });
        });
      }
      return this.#finish(context.json(answer));
    });
  }

  #pending: Fault | undefined;

  async #fault(
    signal: AbortSignal,
    outgoing: HttpBindings['outgoing'],
  ): Promise<Response | undefined> {
    const fault = this.faults.shift();
    this.#pending = undefined;
    if (fault === undefined) return undefined;
    if (fault.kind === 'status') {
      return new Response(
        fault.body ??
          JSON.stringify({
            error: { message: 'busy', type: 'ServerError', param: null, code: fault.status },
          }),
        {
          status: fault.status,
          headers: { 'content-type': 'application/json', ...fault.headers },
        },
      );
    }
    if (fault.kind === 'slow-headers') {
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, fault.ms);
        signal.addEventListener('abort', () => {
          clearTimeout(timer);
          resolve(undefined);
        });
      });
      return undefined;
    }
    if (fault.kind === 'body')
      return new Response(fault.body, { headers: { 'content-type': 'text/html' } });
    if (fault.kind === 'hang-up' || fault.kind === 'cut-body') {
      if (fault.kind === 'cut-body') {
        outgoing.writeHead(200, { 'content-type': 'application/json' });
        outgoing.write('{"id":"chatcmpl-1","choices":[');
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      outgoing.destroy();
      return RESPONSE_ALREADY_SENT;
    }
    this.#pending = fault;
    return undefined;
  }

  async #finish(response: Response): Promise<Response> {
    const fault = this.#pending;
    this.#pending = undefined;
    if (fault?.kind !== 'change') return response;
    const json = (await response.json()) as Record<string, unknown>;
    return Response.json(fault.change(json) ?? json);
  }

  #last(): Recorded {
    return this.requests.at(-1) as Recorded;
  }

  #render(body: Recorded['body'], expandImages: boolean): number[] {
    const isExcluded = this.#options.excludesTools === true && body.tool_choice === 'none';
    return renderTokens(body.messages, {
      tools: isExcluded ? [] : (body.tools ?? []),
      addGenerationPrompt: body.add_generation_prompt ?? true,
      continueFinalMessage: body.continue_final_message ?? false,
      expandImages,
    });
  }

  #promptLogprobs(prompt: readonly number[], asked: number | undefined): unknown[] | null {
    if (asked === undefined || asked === null) return null;
    return prompt.map((id, index) => {
      if (index === 0) return null;
      const logprob = logProbability(prompt.slice(0, index), id);
      return { [String(id)]: { logprob, rank: 1, decoded_token: detokenize([id]) } };
    });
  }

  #answer(
    body: Recorded['body'],
    prompt: readonly number[],
    sampled: readonly number[],
  ): ReturnType<typeof chatResponseOf> {
    const isProcessed = this.#options.logprobsMode === 'processed_logprobs';
    const temperature = isProcessed ? (body.temperature ?? 1) : 1;
    const logprobs = sampled.map((id, index) => {
      const prefix = [...prompt, ...sampled.slice(0, index)];
      const token = body.return_tokens_as_token_ids === true ? `token_id:${id}` : detokenize([id]);
      return {
        token,
        logprob: logProbability(prefix, id, temperature),
        bytes: [...Buffer.from(token)],
        top_logprobs: [],
      };
    });
    const isKnown = this.#options.isOld !== true && body.return_token_ids === true;
    return chatResponseOf(
      sampled,
      body.logprobs === true ? logprobs : null,
      isKnown ? [...sampled] : null,
      isKnown ? [...prompt] : null,
      this.#promptLogprobs(prompt, body.prompt_logprobs),
      this.#options.parsesTools === true && body.tools !== undefined && body.tool_choice !== 'none',
    );
  }
}

function chatResponseOf(
  sampled: readonly number[],
  logprobs: { token: string; logprob: number; bytes: number[]; top_logprobs: never[] }[] | null,
  tokenIds: number[] | null,
  promptIds: number[] | null,
  promptLogprobs: unknown[] | null,
  parsesTools: boolean,
) {
  const isEnded = sampled.at(-1) === endOfTurn;
  const text = detokenize(isEnded ? sampled.slice(0, -1) : sampled);
  const call = parsesTools ? /<tool_call>(.*)<\/tool_call>/s.exec(text)?.[1] : undefined;
  const parsed =
    call === undefined ? undefined : (JSON.parse(call) as { name: string; arguments: unknown });
  return {
    id: 'chatcmpl-0',
    object: 'chat.completion',
    created: 1,
    model: 'toy',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: parsed === undefined ? text : null,
          refusal: null,
          annotations: null,
          audio: null,
          function_call: null,
          ...(parsed === undefined
            ? {}
            : {
                tool_calls: [
                  {
                    id: 'chatcmpl-tool-0',
                    type: 'function',
                    function: { name: parsed.name, arguments: JSON.stringify(parsed.arguments) },
                  },
                ],
              }),
          reasoning: null,
        },
        logprobs: logprobs === null ? null : { content: logprobs },
        finish_reason: parsed !== undefined ? 'tool_calls' : isEnded ? 'stop' : 'length',
        stop_reason: null,
        token_ids: tokenIds,
        routed_experts: null,
      },
    ],
    service_tier: null,
    system_fingerprint: null,
    usage: {
      prompt_tokens: 0,
      total_tokens: sampled.length,
      completion_tokens: sampled.length,
      prompt_tokens_details: null,
    },
    prompt_logprobs: promptLogprobs,
    prompt_token_ids: promptIds,
    prompt_text: null,
    kv_transfer_params: null,
    ec_transfer_params: null,
    metrics: null,
  };
}

/** vLLM leaves unset fields out of chunks; the prompt's tokens are in the first one only. */
function chunksOf(
  answer: ReturnType<typeof chatResponseOf>,
  prompt: readonly number[],
  body: Recorded['body'],
): unknown[] {
  const [choice] = answer.choices;
  const base = { id: answer.id, object: 'chat.completion.chunk', created: 1, model: 'toy' };
  const first = {
    ...base,
    choices: [
      { index: 0, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null },
    ],
    ...(body.return_token_ids === true ? { prompt_token_ids: prompt } : {}),
  };
  const ids = choice?.token_ids ?? [];
  const rest = ids.map((id, index) => {
    const isLast = index === ids.length - 1;
    return {
      ...base,
      choices: [
        {
          index: 0,
          delta: { content: id === endOfTurn ? '' : detokenize([id]) },
          logprobs:
            choice?.logprobs === null ? null : { content: [choice?.logprobs?.content[index]] },
          finish_reason: isLast ? choice?.finish_reason : null,
          ...(isLast ? { stop_reason: null } : {}),
          token_ids: [id],
        },
      ],
    };
  });
  return [first, ...rest];
}

function textResponse(body: Recorded['body'], prompt: readonly number[], scores: unknown[] | null) {
  return {
    id: 'cmpl-0',
    object: 'text_completion',
    created: 1,
    model: 'toy',
    choices: [
      {
        index: 0,
        text: 'h',
        logprobs: null,
        finish_reason: 'length',
        stop_reason: null,
        token_ids: body.return_token_ids === true ? [114] : null,
        prompt_logprobs: scores,
        prompt_token_ids: body.return_token_ids === true ? prompt : null,
      },
    ],
    service_tier: null,
    system_fingerprint: null,
    usage: {
      prompt_tokens: prompt.length,
      total_tokens: prompt.length + 1,
      completion_tokens: 1,
      prompt_tokens_details: null,
    },
    kv_transfer_params: null,
  };
}

function errorOf(status: number, message: string, type = 'BadRequestError'): Response {
  return Response.json({ error: { message, type, param: null, code: status } }, { status });
}
