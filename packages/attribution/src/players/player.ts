import { AttributionError } from '../errors.js';

/** Something that can be present or absent in the prompt: a block, a word, a tool, a patch of the image. */
export interface Player {
  readonly name: string;
  /** Indices of its prompt tokens, at least one. */
  readonly tokens: readonly number[];
  /** Coalition of higher order that it belongs to; Owen values need it. */
  readonly group?: string;
}

/**
 * Checks that players share no token. Tokens that belong to no player are present in every coalition.
 *
 * @throws {AttributionError} `overlapping-players` with the token and both names; `bad-input` for empty players.
 */
export function checkPlayers(players: readonly Player[], promptTokens: number): void {
  if (players.length === 0) {
    throw new AttributionError(
      'bad-input',
      '`players` is empty: there is nobody to give credit to.',
    );
  }
  const owners = new Map<number, string>();
  for (const { name, tokens } of players) {
    if (tokens.length === 0) {
      throw new AttributionError('bad-input', `Player "${name}" has no tokens; leave it out.`);
    }
    for (const token of tokens) {
      if (!Number.isInteger(token) || token < 0 || token >= promptTokens) {
        throw new AttributionError(
          'bad-input',
          `Player "${name}" names token ${token}, but the prompt has ${promptTokens}.`,
        );
      }
      const owner = owners.get(token);
      if (owner !== undefined) {
        throw new AttributionError(
          'overlapping-players',
          `Token ${token} belongs to both "${owner}" and "${name}"; players must not overlap.`,
        );
      }
      owners.set(token, name);
    }
  }
}
