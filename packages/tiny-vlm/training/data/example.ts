import type { Raster, ToolDefinition } from '@iapo/vqa-tools';
import { tokensPerPicture } from '../model/picture-layout.js';
import { imageText, type RenderedTurn, renderChat } from '../text/chat-template.js';
import type { Tokenizer } from '../text/tokenizer.js';

/** One conversation in tokens. */
export interface TrainingExample {
  /** Placeholders of pictures repeated for each visual token. */
  readonly ids: readonly number[];
  /** Whether a token is to be predicted; the first never is. */
  readonly isTarget: readonly boolean[];
  /** In the order of their placeholders. */
  readonly images: readonly Raster[];
}

/** A turn with its pictures; those that the model is to learn are marked. */
export interface ExampleTurn extends RenderedTurn {
  readonly images?: readonly Raster[];
  /** Train on the text and the end of the turn. Only for assistants. Default `false`. */
  readonly isLearned?: boolean;
}

/** Tokens of a prompt that the model is to continue. */
export function encodePrompt(
  tokenizer: Tokenizer,
  turns: readonly RenderedTurn[],
  tools: readonly ToolDefinition[] = [],
): number[] {
  return expandImages(tokenizer, tokenizer.encode(renderChat(turns, tools)));
}

/** Tokens after a sampled turn: its end, further turns, and the beginning of the next reply. */
export function encodeContinuation(tokenizer: Tokenizer, turns: readonly RenderedTurn[]): number[] {
  return expandImages(tokenizer, tokenizer.encode(`\n${renderChat(turns)}`));
}

/** Encodes a conversation whose last turn is the model's. */
export function encodeExample(
  tokenizer: Tokenizer,
  turns: readonly ExampleTurn[],
  tools: readonly ToolDefinition[] = [],
): TrainingExample {
  const ids: number[] = [];
  const isTarget: boolean[] = [];
  const add = (tokens: readonly number[], learned: boolean): void => {
    ids.push(...tokens);
    for (const _ of tokens) isTarget.push(learned);
  };
  const end = tokenizer.idOf('<|im_end|>');
  let from = 0;
  for (const [index, turn] of turns.entries()) {
    if (turn.role !== 'assistant') continue;
    const before = turns.slice(from, index);
    add(
      from === 0 ? encodePrompt(tokenizer, before, tools) : encodeContinuation(tokenizer, before),
      false,
    );
    add([...tokenizer.encode(turn.text), end], turn.isLearned ?? false);
    from = index + 1;
  }
  return { ids, isTarget, images: turns.flatMap(({ images }) => images ?? []) };
}

function expandImages(tokenizer: Tokenizer, ids: readonly number[]): number[] {
  const image = tokenizer.idOf('<|image_pad|>');
  return ids.flatMap((id) =>
    id === image ? Array.from({ length: tokensPerPicture }, () => id) : [id],
  );
}

export { imageText };
