import type { AttributionInput } from '../input.js';
import type { Player } from './player.js';

/** One player a prompt token, named by its index. */
export function tokenPlayers(input: AttributionInput): Player[] {
  return input.blocks.flatMap((block, index) =>
    block === null ? [] : [{ name: `token ${index}`, tokens: [index], group: block }],
  );
}
