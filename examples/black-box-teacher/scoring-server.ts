import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { OnnxVlm } from '@iapo/iapo';
import type { Message, ToolDefinition } from '@iapo/vlm-adapters';
import { decodeImage } from '@iapo/vqa-tools';
import { z } from 'zod';

const dataUrl = /^data:image\/\w+;base64,/;
const part = z.union([
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({
    type: z.literal('image_url'),
    image_url: z.object({ url: z.string().regex(dataUrl) }),
  }),
]);
const scoringRequest = z.object({
  messages: z
    .array(
      z.object({
        role: z.enum(['system', 'user', 'assistant']),
        content: z.union([z.string(), z.array(part)]),
      }),
    )
    .min(2),
  tools: z.array(z.looseObject({ type: z.literal('function') })).optional(),
  prompt_logprobs: z.number(),
});
const detokenizeRequest = z.object({ tokens: z.array(z.number().int()) });

/** Longest request body, bytes. */
const maximumBytes = 4e6;

/** A server that listens. */
export interface RunningServer {
  /** Up to and with `/v1`. */
  readonly baseUrl: string;
  readonly requests: () => number;
  close(): Promise<void>;
}

/**
 * The part of vLLM's server that scoring needs, over a local model: `/v1/chat/completions` with `prompt_logprobs` for
 * a conversation whose last message is the text to score, and `/detokenize`.
 */
export async function startScoringServer(model: OnnxVlm): Promise<RunningServer> {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    answer(model, request).then(
      ({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body));
      },
      (error: unknown) => {
        response.writeHead(400, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ error: { message: String(error) } }));
      },
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests: () => requests,
    close: () =>
      new Promise((resolve, reject) => {
        server.closeAllConnections();
        server.close((error) => (error === undefined ? resolve() : reject(error)));
      }),
  };
}

async function answer(
  model: OnnxVlm,
  request: IncomingMessage,
): Promise<{ status: number; body: unknown }> {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const body = await readJson(request);
  if (pathname === '/detokenize') {
    return { status: 200, body: { prompt: model.decode(detokenizeRequest.parse(body).tokens) } };
  }
  if (pathname !== '/v1/chat/completions') return { status: 404, body: { detail: 'Not Found' } };
  const { messages, tools = [] } = scoringRequest.parse(body);
  const last = messages.at(-1);
  const text = typeof last?.content === 'string' ? last.content : '';
  const prompt = await model.encode(await Promise.all(messages.slice(0, -1).map(readMessage)), {
    // Their fields are the chat template's business.
    tools: tools as unknown as ToolDefinition[],
  });
  const completion = model.tokenize(text);
  const [scores] = await model.logprobs([{ prompt, completion }]);
  const ids = [...prompt.inputIds, ...completion];
  return {
    status: 200,
    body: {
      choices: [{ index: 0, message: { content: '' }, finish_reason: 'length' }],
      prompt_token_ids: ids,
      // Nobody asks for the scores of the prompt itself.
      prompt_logprobs: ids.map((id, place) => {
        const logprob = scores?.logprobs[place - prompt.inputIds.length];
        return logprob === undefined ? null : { [id]: { logprob } };
      }),
    },
  };
}

async function readMessage({
  role,
  content,
}: z.infer<typeof scoringRequest>['messages'][number]): Promise<Message> {
  if (typeof content === 'string') return { role, content };
  return {
    role,
    content: await Promise.all(
      content.map(async (entry) =>
        entry.type === 'text'
          ? entry
          : {
              type: 'image' as const,
              image: await decodeImage(
                Buffer.from(entry.image_url.url.replace(dataUrl, ''), 'base64'),
              ),
            },
      ),
    ),
  };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > maximumBytes) throw new Error('The request is too long.');
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}
