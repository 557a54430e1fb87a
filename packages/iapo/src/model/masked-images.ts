import { seededRandom, splitSeed } from '@iapo/rl-core';
import type { EpisodeMessage, Raster } from '@iapo/vqa-tools';
import type { AgentModel, AgentPrompt, AgentSequence } from './agent-model.js';
import type { Conversation } from './play-episodes.js';

/** How pictures are masked for PAPO's perception term. */
export interface PerceptionOptions {
  /** Chance that a patch is black. Default 0.6, as PAPO. */
  readonly share?: number;
  /** Side of a patch in pixels. Default 14, as PAPO for Qwen2.5-VL; smaller pictures take smaller ones. */
  readonly patchSize?: number;
}

/**
 * The same episode with patches of its pictures black, tokens unchanged: what the policy would have said of a picture
 * that it can hardly see (PAPO, 2507.06448).
 *
 * @param seed Which patches: all pictures of the episode have their own.
 */
export async function maskedImageSequence<Prompt extends AgentPrompt>(
  model: Pick<AgentModel<Prompt>, 'encode' | 'extend'>,
  { messages, tools, turns }: Conversation,
  { share = 0.6, patchSize = 14, seed }: PerceptionOptions & { readonly seed: number },
): Promise<AgentSequence<Prompt>> {
  let picture = 0;
  const masked = (list: readonly EpisodeMessage[]): EpisodeMessage[] =>
    list.map(({ role, content }) => ({
      role,
      content: content.map((part) =>
        part.type === 'image'
          ? { ...part, image: blacken(part.image, share, patchSize, splitSeed(seed, picture++)) }
          : part,
      ),
    }));
  let prompt = await model.encode(masked(messages), { tools });
  for (const { completion, observed } of turns.slice(0, -1)) {
    prompt = await model.extend(prompt, completion, masked(observed));
  }
  return { prompt, completion: turns.at(-1)?.completion.tokenIds ?? [] };
}

/** A copy with each patch black by chance; alpha stays. */
function blacken(image: Raster, share: number, side: number, seed: number): Raster {
  const { width, height, channels } = image;
  const random = seededRandom(seed);
  const data = image.data.slice();
  for (let top = 0; top < height; top += side) {
    for (let left = 0; left < width; left += side) {
      if (random.uniform() >= share) continue;
      for (let y = top; y < Math.min(top + side, height); y++) {
        for (let x = left; x < Math.min(left + side, width); x++) {
          const pixel = (y * width + x) * channels;
          data.fill(0, pixel, pixel + 3);
        }
      }
    }
  }
  return { ...image, data };
}
