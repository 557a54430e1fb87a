import type { AttributionInput, PromptImage } from '@iapo/attribution';
import type { AgentPrompt, ExplainedModel } from './agent-model.js';

/** A prompt and a completion in the form that `attribute` takes. */
export function attributionInput<Prompt extends AgentPrompt>(
  model: ExplainedModel<Prompt>,
  prompt: Prompt,
  completion: readonly number[],
): AttributionInput<Prompt> {
  const { blocks, text, characters, images = [] } = prompt;
  return {
    prompt,
    completion,
    blocks,
    tokens: blocks.map((_, token) => text.slice(characters[token], characters[token + 1])),
    completionTokens: tokenTexts(model, completion),
    images: images.flatMap(({ tokens, grid }): PromptImage[] => {
      const firstToken = tokens[0];
      if (grid === undefined || grid === null || firstToken === undefined) return [];
      return isContiguous(tokens) && grid.rows * grid.columns === tokens.length
        ? [{ firstToken, ...grid }]
        : [];
    }),
    modalities: blocks.map((block) => (block === 'I' ? 'image' : 'text')),
    ...(model.maskPrompt === undefined
      ? {}
      : { maskPrompt: (keep: Uint8Array): Prompt => model.maskPrompt!(prompt, keep) }),
  };
}

/**
 * The text that each token adds. A character that is split over tokens belongs to the one that completes it, so
 * that the texts join to the whole.
 */
export function tokenTexts(
  model: { decode(tokenIds: readonly number[]): string },
  tokenIds: readonly number[],
): string[] {
  let before = '';
  return tokenIds.map((_, index) => {
    const text = model.decode(tokenIds.slice(0, index + 1));
    const isWhole = index === tokenIds.length - 1 || !text.endsWith('\ufffd');
    if (!isWhole || !text.startsWith(before)) return '';
    const added = text.slice(before.length);
    before = text;
    return added;
  });
}

function isContiguous(tokens: ArrayLike<number>): boolean {
  return Array.from(tokens).every((token, index) => token === tokens[0]! + index);
}
