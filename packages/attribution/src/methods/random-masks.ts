import { type Coalition, readMasks } from '../coalitions/coalition.js';
import type { MethodContext } from './method.js';
import { requireInteger, requireRange } from './requirements.js';

/** Random coalitions, every player present with probability `presence`; or the given `masks`. */
export function drawMasks(
  { settings, players, random }: Pick<MethodContext, 'settings' | 'players' | 'random'>,
  name: string,
  defaults: { samples: number; presence: number },
): Coalition[] {
  if (settings.masks !== undefined) return readMasks(settings.masks, players.length);
  const samples = requireInteger('samples', settings.samples ?? defaults.samples, 1);
  const presence = requireRange('presence', settings.presence ?? defaults.presence, 0, 1);
  const stream = random.split(name, 'masks');
  return Array.from({ length: samples }, () =>
    Uint8Array.from(players, () => (stream.uniform() < presence ? 1 : 0)),
  );
}
