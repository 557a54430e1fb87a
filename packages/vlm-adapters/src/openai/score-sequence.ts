import { VlmError } from '../errors.js';
import type { Sequence } from '../types/prompt.js';
import type { HttpClient } from './http-client.js';
import type { ResolvedOptions } from './options.js';
import {
  checkPromptIds,
  isAt,
  lastIndexOf,
  locateTurns,
  retokenized,
  type ServerPrompt,
  unnamedToken,
} from './server-prompt.js';
import { chatResponse, type PromptLogprobs, textResponse } from './wire-schemas.js';

export interface ScoreContext {
  readonly client: HttpClient;
  readonly options: ResolvedOptions;
  /** Text of tokens with control tokens spelled out, or `null` if the server has no such endpoint. */
  readonly detokenize: (ids: readonly number[]) => Promise<string | null>;
  /** What is known of a completion that this client sampled. */
  readonly remembered: (
    ids: readonly number[],
  ) => { readonly text: string; readonly endsTurn: boolean } | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Scores of a whole prompt, and whose they are. */
interface ScoredPrompt {
  readonly ids: ArrayLike<number>;
  readonly logprobs: PromptLogprobs;
  /** Index of the completion's first token. */
  readonly start: number;
}

/**
 * Log-probabilities of a sequence's sampled tokens, through vLLM's `prompt_logprobs`: the completion is sent as a
 * part of the prompt, and one token is sampled that nobody looks at.
 *
 * Prompts of text alone go as token ids. Those with pictures can only go as messages, so the server tokenizes the
 * completion's text; the tokens that it scored are compared with those that were asked for.
 *
 * @returns `[scored]`: sampled tokens of earlier turns, then the completion's.
 * @throws {VlmError} `unsupported` if the server gives no scores; `prompt` if it tokenizes in another way;
 * `not-finite`.
 */
export async function scoreSequence(
  { prompt, completion }: Sequence<ServerPrompt>,
  context: ScoreContext,
): Promise<Float32Array> {
  const scored =
    (await scoreTokens(prompt, completion, context)) ??
    (await scoreMessages(prompt, completion, context));
  const { ids, logprobs, start } = scored;
  if (logprobs.length !== ids.length) {
    throw new VlmError(
      'server',
      `The server scored ${logprobs.length} prompt tokens of ${ids.length}.`,
    );
  }
  checkPromptIds(prompt, Array.from(ids).slice(0, start));
  const turns = prompt.turns.map(({ tokenIds }, index) => ({ tokenIds, index }));
  const starts = locateTurns(ids, prompt.turns);
  const spans = [
    ...turns.map(({ tokenIds, index }) => ({ tokenIds, first: starts[index] ?? -1 })),
    { tokenIds: completion, first: start },
  ];
  return Float32Array.from(
    spans.flatMap(({ tokenIds, first }) =>
      tokenIds.map((id, place) => scoreAt(logprobs, first + place, id)),
    ),
  );
}

/** A prompt without pictures, token by token; `null` if that cannot be. */
async function scoreTokens(
  { inputIds, imageCount }: ServerPrompt,
  completion: readonly number[],
  { client, options, signal }: ScoreContext,
): Promise<ScoredPrompt | null> {
  if (inputIds === null || imageCount > 0) return null;
  const ids = [...inputIds, ...completion];
  const response = await client.postIfOffered({
    path: '/completions',
    body: { model: options.model, prompt: ids, ...scoringFields },
    schema: textResponse,
    signal,
  });
  if (response === null) return null;
  const [choice] = response.choices;
  const logprobs = choice?.prompt_logprobs ?? null;
  if (logprobs === null) throw missingScores(options);
  const scoredIds = choice?.prompt_token_ids ?? ids;
  if (scoredIds.length !== ids.length || !isAt(scoredIds, ids, 0)) {
    throw new VlmError('server', 'The server scored other tokens than it was sent.');
  }
  return { ids, logprobs, start: inputIds.length };
}

/** The conversation with the completion as its last message, left open. */
async function scoreMessages(
  prompt: ServerPrompt,
  completion: readonly number[],
  context: ScoreContext,
): Promise<ScoredPrompt> {
  const known = context.remembered(completion);
  const spelledOut = await context.detokenize(completion);
  if (spelledOut !== null) {
    // Control tokens are spelled out, so the end of the turn is a part of the text and of its tokens.
    const { ids, logprobs } = await scoreText(prompt, spelledOut, 'open', context);
    const start = ids.length - completion.length;
    if (isAt(ids, completion, start)) return { ids, logprobs, start };
  }
  if (known === undefined) {
    if (spelledOut !== null) throw retokenized('the completion');
    throw new VlmError(
      'unsupported',
      'The completion was not sampled by this client, and the server has no `/detokenize`, by which its text could be found. Serve the model with vLLM.',
    );
  }
  const end = known.endsTurn ? 'closed' : 'open';
  const { ids, logprobs } = await scoreText(prompt, known.text, end, context);
  // Nothing of what a template writes after the end of a turn is an end of a turn.
  const start = known.endsTurn ? lastIndexOf(ids, completion) : ids.length - completion.length;
  if (!isAt(ids, completion, start)) throw retokenized('the completion');
  return { ids, logprobs, start };
}

async function scoreText(
  { messages, tools }: ServerPrompt,
  text: string,
  end: 'open' | 'closed',
  { client, options, signal }: ScoreContext,
): Promise<Omit<ScoredPrompt, 'start'>> {
  const response = await client.post({
    path: '/chat/completions',
    body: {
      ...options.extraBody,
      model: options.model,
      messages: [...messages, { role: 'assistant', content: text }],
      ...(tools.length > 0 ? { tools, tool_choice: 'none' } : {}),
      add_generation_prompt: false,
      continue_final_message: end === 'open',
      ...scoringFields,
    },
    schema: chatResponse,
    signal,
  });
  const { prompt_logprobs: logprobs, prompt_token_ids: ids } = response;
  if (!logprobs) throw missingScores(options);
  return { ids: ids ?? idsOfScores(logprobs), logprobs };
}

/** One token is the least that servers sample. */
const scoringFields = {
  max_tokens: 1,
  temperature: 1,
  prompt_logprobs: 0,
  return_token_ids: true,
} as const;

/** With `prompt_logprobs: 0` each place names one token, the prompt's; the first has no score. */
function idsOfScores(logprobs: PromptLogprobs): number[] {
  return logprobs.map((place) => {
    const keys = Object.keys(place ?? {});
    return keys.length === 1 ? Number(keys[0]) : unnamedToken;
  });
}

function scoreAt(logprobs: PromptLogprobs, index: number, id: number): number {
  const score = logprobs[index]?.[String(id)]?.logprob;
  if (score === undefined) {
    throw new VlmError(
      'server',
      `The server gave no log-probability of token ${id} at place ${index} of the prompt.`,
    );
  }
  return finiteLogprob(score, id);
}

/**
 * @throws {VlmError} `not-finite` for what vLLM writes in place of minus infinity, -9999, and for what is no
 * log-probability.
 */
export function finiteLogprob(score: number, id: number): number {
  // Rounding can lift a probability of 1 a little above it.
  if (score > -9999 && score < 1e-3) return Math.min(score, 0);
  throw new VlmError(
    'not-finite',
    `The server gives token ${id} the log-probability ${score}, which none can be trained or compared with.`,
  );
}

function missingScores({ dialect }: ResolvedOptions): VlmError {
  return new VlmError(
    'unsupported',
    `The server gave no \`prompt_logprobs\`. ${dialect.hints.promptLogprobs}`,
  );
}
