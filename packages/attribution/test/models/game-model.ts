import type { AttributionInput } from '../../src/input.js';
import type { AttributionModel } from '../../src/model.js';

/** A model that sees prompts only: the prompt says which of its parts are present, the score is given by hand. */
export function gameModel(value: (keep: Uint8Array) => number): AttributionModel<Uint8Array> {
  return {
    id: 'game',
    logprobs: (sequences) =>
      sequences.map(({ prompt, completion }) =>
        completion.map(() => value(prompt) / completion.length),
      ),
  };
}

/** One token a player, all present. */
export function gameInput(blocks: readonly string[]): AttributionInput<Uint8Array> {
  return {
    prompt: new Uint8Array(blocks.length).fill(1),
    completion: [1],
    blocks,
    maskPrompt: (keep) => keep,
  };
}
