import { VlmError } from '../errors.js';
import type { ToolDefinition } from '../types/message.js';
import type { WireMessage } from './wire-messages.js';

/** What a model sampled in an earlier turn. */
export interface SampledTurn {
  readonly tokenIds: readonly number[];
  /** Index of its first token in the prompt, where it is known. */
  readonly start: number | null;
}

/** A prompt for a server: the conversation itself, and what the server said about it. Plain data. */
export interface ServerPrompt {
  /** As they are sent, pictures as data URLs. */
  readonly messages: readonly WireMessage[];
  readonly tools: readonly ToolDefinition[];
  readonly imageCount: number;
  /**
   * `[tokens]` as the server's tokenize endpoint gives them, or `null` without one. Servers of before 2026 leave
   * one placeholder for each picture there.
   */
  readonly inputIds: Int32Array | null;
  /** Sampled turns in the conversation, in order; `logprobs` scores their tokens too. */
  readonly turns: readonly SampledTurn[];
}

/**
 * Where sampled turns are in a prompt. Servers take text and tokenize it again; this is where it shows whether the
 * sampled tokens came back as they were.
 *
 * @returns The first index of each turn.
 * @throws {VlmError} `prompt` if the tokens of a turn are not there.
 */
export function locateTurns(ids: ArrayLike<number>, turns: readonly SampledTurn[]): number[] {
  let from = 0;
  return turns.map(({ tokenIds, start }, index) => {
    const isThere = start !== null && start >= from && isAt(ids, tokenIds, start);
    const found = isThere ? start : firstIndexOf(ids, tokenIds, from);
    if (found < 0) throw retokenized(`the tokens of sampled turn ${index}`);
    from = found + tokenIds.length;
    return found;
  });
}

/** What stands for a token that a server does not name. */
export const unnamedToken = -1;

/**
 * Checks that a server works on the prompt that it was asked to tokenize. Servers of before 2026 leave one
 * placeholder for each picture when they tokenize: then its tokens must all be there, in order.
 *
 * @throws {VlmError} `prompt`.
 */
export function checkPromptIds(
  { inputIds, imageCount }: ServerPrompt,
  ids: readonly number[],
): void {
  if (inputIds === null) return;
  let matched = 0;
  for (const id of ids) {
    const isSame = id === unnamedToken || id === inputIds[matched];
    if (!isSame && imageCount === 0) break;
    if (isSame) matched++;
  }
  const isWhole = matched === inputIds.length;
  if (isWhole && (imageCount > 0 || ids.length === inputIds.length)) return;
  throw new VlmError(
    'prompt',
    'The server worked on another prompt than the one it tokenized: its template writes a finished message in another way than the beginning of one, or it was started with `--exclude-tools-when-tool-choice-none`, which takes the tools out. Start it without that option, or with a template that only appends.',
  );
}

export function retokenized(what: string): VlmError {
  return new VlmError(
    'prompt',
    `The server tokenizes ${what} in another way than they were sampled, and scores of other tokens would be worthless. Leave this sample out, or play episodes of several turns with a local model.`,
  );
}

/** Whether `part` stands in `ids` at `index`. */
export function isAt(ids: ArrayLike<number>, part: readonly number[], index: number): boolean {
  return index >= 0 && part.every((id, place) => ids[index + place] === id);
}

function firstIndexOf(ids: ArrayLike<number>, part: readonly number[], from: number): number {
  for (let index = from; index + part.length <= ids.length; index++) {
    if (isAt(ids, part, index)) return index;
  }
  return -1;
}

/** The last index at which `part` stands in `ids`, or -1. */
export function lastIndexOf(ids: ArrayLike<number>, part: readonly number[]): number {
  for (let index = ids.length - part.length; index >= 0; index--) {
    if (isAt(ids, part, index)) return index;
  }
  return -1;
}
