import { VlmError } from '../errors.js';
import type { FinishReason } from '../types/model.js';
import type { ChatChunk, ChatResponse, StreamedCall, TokenLogprob } from './wire-schemas.js';

/** What a server answered: text always, tokens and log-probabilities where it gives them. */
export interface ServerAnswer {
  readonly text: string;
  /** What the server's own parser took out of the text as reasoning, or `null`. */
  readonly reasoning: string | null;
  /** Calls that the server's own parser took out of the text. */
  readonly toolCalls: readonly {
    readonly id: string | null;
    readonly name: string;
    /** As it came: JSON, if the model kept to it. */
    readonly arguments: string;
  }[];
  /** `[tokens]`, or `null`. */
  readonly tokenIds: readonly number[] | null;
  /** `[tokens]`, nats, of what `--logprobs-mode` says; or `null`. */
  readonly logprobs: readonly number[] | null;
  readonly finishReason: FinishReason;
  /** Whether the last token is one that ends every turn, and not a stop of this request. */
  readonly endsTurn: boolean;
  /** Tokens of the prompt, pictures expanded; or `null`. */
  readonly promptIds: readonly number[] | null;
}

const finishReasons: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  tool_calls: 'stop',
  function_call: 'stop',
  length: 'length',
  abort: 'abort',
};

/** @throws {VlmError} `server` for an answer that was cut off by a filter or an error. */
export function readAnswer(response: ChatResponse): ServerAnswer {
  const [choice] = response.choices;
  if (choice === undefined) throw new VlmError('server', 'The server gave no choice.');
  const { message, finish_reason: reason, stop_reason: stopReason } = choice;
  const entries = choice.logprobs?.content ?? null;
  const finishReason = finishReasons[reason ?? 'stop'];
  if (finishReason === undefined) {
    throw new VlmError('server', `The server ended the answer with "${reason}", not by itself.`);
  }
  return {
    text: message.content ?? '',
    reasoning: message.reasoning ?? message.reasoning_content ?? null,
    toolCalls: (message.tool_calls ?? []).map(({ id, function: called }) => ({
      id: id ?? null,
      ...called,
    })),
    tokenIds: choice.token_ids ?? idsOf(entries),
    logprobs: entries?.map(({ logprob }) => logprob) ?? null,
    finishReason,
    endsTurn: finishReason === 'stop' && (stopReason ?? null) === null,
    promptIds: response.prompt_token_ids ?? choice.prompt_token_ids ?? null,
  };
}

/** Ids from tokens that are named `token_id:<id>`, or `null` if they have their own names. */
function idsOf(entries: readonly TokenLogprob[] | null): number[] | null {
  if (entries === null || entries.length === 0) return null;
  const ids: number[] = [];
  for (const { token } of entries) {
    const id = /^token_id:(\d+)$/.exec(token)?.[1];
    if (id === undefined) return null;
    ids.push(Number(id));
  }
  return ids;
}

/** Puts the pieces of a streamed answer together into the form of a whole one. */
export class AnswerBuilder {
  #text = '';
  #reasoning: string | null = null;
  #promptIds: readonly number[] | null = null;
  #tokenIds: number[] | null = null;
  #logprobs: TokenLogprob[] | null = null;
  #finishReason: string | null = null;
  #stopReason: string | number | null = null;
  readonly #calls: { id: string | null; name: string; arguments: string }[] = [];

  add({ choices, prompt_token_ids: promptIds }: ChatChunk): void {
    this.#promptIds = promptIds ?? this.#promptIds;
    for (const choice of choices) {
      const { token_ids: ids, logprobs, delta } = choice;
      this.#text += delta.content ?? '';
      const reasoning = delta.reasoning ?? delta.reasoning_content ?? null;
      if (reasoning !== null) this.#reasoning = (this.#reasoning ?? '') + reasoning;
      if (ids) this.#tokenIds = [...(this.#tokenIds ?? []), ...ids];
      if (logprobs?.content) this.#logprobs = [...(this.#logprobs ?? []), ...logprobs.content];
      this.#finishReason = choice.finish_reason ?? this.#finishReason;
      this.#stopReason = choice.stop_reason ?? this.#stopReason;
      for (const call of delta.tool_calls ?? []) this.#addCall(call);
    }
  }

  #addCall({ index, id, function: called }: StreamedCall): void {
    const before = this.#calls[index] ?? { id: null, name: '', arguments: '' };
    this.#calls[index] = {
      id: id ?? before.id,
      name: before.name + (called?.name ?? ''),
      arguments: before.arguments + (called?.arguments ?? ''),
    };
  }

  /** @throws {VlmError} `server` if the stream said that it was over before the answer was. */
  build(): ServerAnswer {
    if (this.#finishReason === null) {
      throw new VlmError('server', 'The stream ended without a finish_reason: the answer is cut.');
    }
    return readAnswer({
      choices: [
        {
          index: 0,
          message: {
            content: this.#text,
            reasoning: this.#reasoning,
            tool_calls: this.#calls.map(({ id, ...called }) => ({ id, function: called })),
          },
          logprobs: { content: this.#logprobs },
          finish_reason: this.#finishReason,
          stop_reason: this.#stopReason,
          token_ids: this.#tokenIds,
        },
      ],
      prompt_token_ids: this.#promptIds,
    });
  }
}
