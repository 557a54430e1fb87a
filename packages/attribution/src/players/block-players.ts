import { type AttributionInput, listBlockNames } from '../input.js';
import type { Player } from './player.js';

/** One player a block that has tokens: 16 coalitions for P, R, I, T. */
export function blockPlayers(input: AttributionInput): Player[] {
  const tokens = new Map<string, number[]>(listBlockNames(input).map((name) => [name, []]));
  for (const [index, name] of input.blocks.entries()) {
    if (name !== null) tokens.get(name)?.push(index);
  }
  return [...tokens]
    .filter(([, indices]) => indices.length > 0)
    .map(([name, indices]) => ({ name, tokens: indices, group: name }));
}
