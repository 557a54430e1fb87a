import type { SamplingOptions } from '../types/model.js';
import { AnswerBuilder, readAnswer, type ServerAnswer } from './answer.js';
import { rowSeed } from './check-sampling.js';
import type { HttpClient } from './http-client.js';
import type { ResolvedOptions } from './options.js';
import { checkPromptIds, locateTurns, type ServerPrompt } from './server-prompt.js';
import { chatChunk, chatResponse } from './wire-schemas.js';

export interface GenerateContext {
  readonly client: HttpClient;
  readonly options: ResolvedOptions;
  readonly signal: AbortSignal;
  /** Place of the sample in its call. */
  readonly prompt: number;
  readonly sample: number;
}

/**
 * One answer to a prompt. It is streamed if somebody listens to its tokens and the server tells them apart.
 *
 * @throws {VlmError} `prompt` if the server worked on another prompt than the one that it tokenized, or made other
 * tokens of sampled turns; `server`, `timeout`, `context-length`.
 */
export async function generateAnswer(
  prompt: ServerPrompt,
  options: SamplingOptions,
  context: GenerateContext,
): Promise<ServerAnswer> {
  const { dialect } = context.options;
  const isStreamed = options.onToken !== undefined && dialect.offers.streamedTokenIds;
  const body = requestBody(prompt, options, context);
  const answer = isStreamed
    ? await streamAnswer(body, options, context)
    : await wholeAnswer(body, options, context);
  if (answer.promptIds !== null) {
    checkPromptIds(prompt, answer.promptIds);
    locateTurns(answer.promptIds, prompt.turns);
  }
  return answer;
}

const path = '/chat/completions';

function requestBody(
  { messages, tools }: ServerPrompt,
  options: SamplingOptions,
  { options: { model, dialect, extraBody }, prompt, sample }: GenerateContext,
): Record<string, unknown> {
  return {
    ...dialect.samplingFields(options, rowSeed(options, prompt, sample)),
    ...extraBody,
    model,
    messages,
    ...(tools.length > 0 ? { tools } : {}),
    ...(tools.length > 0 && dialect.keepsToolCallsAsText ? { tool_choice: 'none' } : {}),
  };
}

async function wholeAnswer(
  body: unknown,
  options: SamplingOptions,
  context: GenerateContext,
): Promise<ServerAnswer> {
  const { client, signal } = context;
  const answer = readAnswer(await client.post({ path, body, schema: chatResponse, signal }));
  tell(options, context, answer.tokenIds ?? [], answer.text);
  return answer;
}

async function streamAnswer(
  body: unknown,
  options: SamplingOptions,
  context: GenerateContext,
): Promise<ServerAnswer> {
  const { client, signal } = context;
  let builder = new AnswerBuilder();
  const start = (): void => {
    builder = new AnswerBuilder();
  };
  await client.stream({ path, body, schema: chatChunk, signal }, start, (chunk) => {
    builder.add(chunk);
    const ids = chunk.choices[0]?.token_ids ?? [];
    tell(options, context, ids, chunk.choices[0]?.delta.content ?? '');
    return ids.length === 0;
  });
  return builder.build();
}

/** Reports tokens; the text of several goes with the last one. */
function tell(
  { onToken }: SamplingOptions,
  { prompt, sample }: GenerateContext,
  ids: readonly number[],
  text: string,
): void {
  for (const [index, tokenId] of ids.entries()) {
    onToken?.({ prompt, sample, tokenId, text: index === ids.length - 1 ? text : '' });
  }
}
