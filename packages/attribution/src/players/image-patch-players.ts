import { AttributionError } from '../errors.js';
import type { AttributionInput } from '../input.js';
import { blockPlayers } from './block-players.js';
import type { Player } from './player.js';

/**
 * Splits every picture into a grid of players; all other blocks stay one player each.
 *
 * @param options.rows Players from top to bottom, default 4; at most the picture's token rows.
 * @param options.columns Players from left to right, default 4; at most the picture's token columns.
 * @throws {AttributionError} `bad-input` without `images`.
 */
export function imagePatchPlayers(
  input: AttributionInput,
  { rows = 4, columns = 4 }: { rows?: number; columns?: number } = {},
): Player[] {
  const { images } = input;
  if (images === undefined || images.length === 0) {
    throw new AttributionError(
      'bad-input',
      'Image-patch players need `images`: first token, rows and columns of every picture.',
    );
  }
  const patches: Player[] = [];
  const taken = new Set<number>();
  for (const [picture, image] of images.entries()) {
    const down = Math.min(rows, image.rows);
    const across = Math.min(columns, image.columns);
    const members = Array.from({ length: down * across }, (): number[] => []);
    for (let row = 0; row < image.rows; row++) {
      for (let column = 0; column < image.columns; column++) {
        const token = image.firstToken + row * image.columns + column;
        const patchRow = Math.floor((row * down) / image.rows);
        const patchColumn = Math.floor((column * across) / image.columns);
        members[patchRow * across + patchColumn]?.push(token);
        taken.add(token);
      }
    }
    for (const [index, tokens] of members.entries()) {
      const name = `image ${picture + 1}: row ${Math.floor(index / across) + 1}, column ${(index % across) + 1}`;
      patches.push({ name, tokens, group: input.blocks[image.firstToken] ?? 'image' });
    }
  }
  const others = blockPlayers(input)
    .map((player) => ({ ...player, tokens: player.tokens.filter((token) => !taken.has(token)) }))
    .filter(({ tokens }) => tokens.length > 0);
  return [...others, ...patches];
}
