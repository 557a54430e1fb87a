import type { Block, EncodedPrompt, PreparedPrompt } from '../types/prompt.js';
import { permission, type Segment } from './segments.js';
import type { TextTokenizer } from './tokenizer.js';

/** A prompt and a completion after it, before anything new. */
export interface Continued {
  readonly inputIds: readonly number[];
  readonly positionIds: readonly (readonly number[])[];
  readonly blocks: readonly Block[];
  /** Where each token's characters begin in `text`. */
  readonly starts: readonly number[];
  readonly text: string;
  /** What the completion says. */
  readonly completionText: string;
}

/** Puts sampled tokens behind a prompt, as they are. */
export function appendCompletion(
  prompt: EncodedPrompt | PreparedPrompt,
  completion: readonly number[],
  tokenizer: TextTokenizer,
): Continued {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const starts = Array.from(prompt.characters.slice(0, -1));
  let completionText = '';
  for (const id of completion) {
    starts.push(prompt.text.length + completionText.length);
    // A character that several tokens spell is read, and counted, with the last of them.
    completionText += decoder.decode(tokenizer.tokenBytes(id) ?? new Uint8Array(), {
      stream: true,
    });
  }
  completionText += decoder.decode();
  return {
    inputIds: [...prompt.inputIds, ...completion],
    positionIds: prompt.positionIds.map((plane) => [
      ...plane,
      ...completion.map((_, index) => prompt.nextPosition + index),
    ]),
    blocks: [...prompt.blocks, ...completion.map((): Block => 'P')],
    starts,
    text: prompt.text + completionText,
    completionText,
  };
}

/**
 * What the template writes after the assistant's words, without the token that ends the turn if the model has sampled
 * that itself.
 */
export function afterSampled(
  segments: readonly Segment[],
  lastToken: number | undefined,
  tokenizer: TextTokenizer,
): readonly Segment[] {
  const text = segments.map((segment) => segment.text).join('');
  const [first] = tokenizer.findAdded(
    text,
    permission(segments, () => false),
  );
  if (first === undefined || first.start !== 0 || first.token.id !== lastToken) return segments;
  const rest: Segment[] = [];
  let cut = first.end;
  for (const segment of segments) {
    const kept = segment.text.slice(cut);
    cut = Math.max(cut - segment.text.length, 0);
    if (kept !== '') rest.push({ ...segment, text: kept });
  }
  return rest;
}
