import { AttributionError } from '../errors.js';
import type { AttributionInput } from '../input.js';
import { blockPlayers } from './block-players.js';
import { imagePatchPlayers } from './image-patch-players.js';
import { checkPlayers, type Player } from './player.js';
import { tokenPlayers } from './token-players.js';
import { toolPlayers } from './tool-players.js';
import { wordPlayers } from './word-players.js';

export type PlayerSet = 'blocks' | 'tokens' | 'words' | 'tools' | 'imagePatches';

/** Ways to cut a prompt into players, by name; a list of players does without. */
export const playerSets: Readonly<Record<PlayerSet, (input: AttributionInput) => Player[]>> = {
  blocks: blockPlayers,
  tokens: tokenPlayers,
  words: wordPlayers,
  tools: toolPlayers,
  imagePatches: imagePatchPlayers,
};

/** Players by name or as a list, checked. */
export function resolvePlayers(
  input: AttributionInput,
  choice: PlayerSet | readonly Player[] = 'blocks',
): readonly Player[] {
  if (typeof choice === 'string' && !Object.hasOwn(playerSets, choice)) {
    throw new AttributionError(
      'unknown-name',
      `Unknown players "${choice}". Known: ${Object.keys(playerSets).join(', ')}; or pass a list of players.`,
    );
  }
  const players = typeof choice === 'string' ? playerSets[choice](input) : choice;
  checkPlayers(players, input.blocks.length);
  return players;
}
