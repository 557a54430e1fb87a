import { AttributionError } from '../errors.js';

/** Which players are present, `[M]`, 1 = present. */
export type Coalition = Uint8Array;

/** Most players that may be enumerated: 2^16 coalitions are 65,536 forwards. */
const mostEnumerated = 16;

/**
 * All 2^M coalitions; the number whose bit M − 1 − i is player i counts up, so that index 0 is the empty one.
 *
 * @throws {AttributionError} `unsupported` for more than 16 players.
 */
export function enumerateCoalitions(players: number, method: string): Coalition[] {
  if (players > mostEnumerated) {
    throw new AttributionError(
      'unsupported',
      `"${method}" enumerates 2^M coalitions and takes at most ${mostEnumerated} players, got ${players}. Use a sampling method (shapleySampling, kernelShap, lime) or fewer players.`,
    );
  }
  return Array.from({ length: 2 ** players }, (_, number) =>
    Uint8Array.from({ length: players }, (_, player) => (number >>> (players - 1 - player)) & 1),
  );
}

/** Everybody present. */
export function grandCoalition(players: number): Coalition {
  return new Uint8Array(players).fill(1);
}

export function emptyCoalition(players: number): Coalition {
  return new Uint8Array(players);
}

/** The coalition with one player's presence changed. */
export function withPlayer(coalition: Coalition, player: number, isPresent: boolean): Coalition {
  const changed = coalition.slice();
  changed[player] = isPresent ? 1 : 0;
  return changed;
}

export function countPresent(coalition: Coalition): number {
  return coalition.reduce((sum, present) => sum + present, 0);
}

/** Coalition `{0, 1}` rows given from outside, checked. */
export function readMasks(masks: readonly ArrayLike<number>[], players: number): Coalition[] {
  return masks.map((mask, index) => {
    if (mask.length !== players) {
      throw new AttributionError(
        'bad-option',
        `\`masks[${index}]\` must have one entry a player: expected ${players}, got ${mask.length}.`,
      );
    }
    return Uint8Array.from(mask, (present) => (present === 0 ? 0 : 1));
  });
}
