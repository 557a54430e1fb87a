import { addRowShare, meanShare } from './clip-metrics.js';
import type { LossRow, Tally } from './types.js';

/** Adds verl's ppo_kl (masked mean of −d), and the share of tokens for which the flags hold. */
export function observeVerl(
  row: LossRow,
  tally: Tally,
  isClipped: (t: number) => boolean,
  isLowerClipped: (t: number) => boolean,
): void {
  let kl = 0;
  let clipped = 0;
  let lower = 0;
  for (let t = 0; t < row.length; t += 1) {
    if (row.mask[t] === 0) continue;
    kl -= row.logRatio[t]! * row.repeat;
    if (isClipped(t)) clipped += row.repeat;
    if (isLowerClipped(t)) lower += row.repeat;
  }
  addRowShare(tally, 'kl', kl, row.tokens);
  addRowShare(tally, 'clipped', clipped, row.tokens);
  addRowShare(tally, 'lower', lower, row.tokens);
}

/** verl's three actor metrics. */
export function verlMetrics(tally: Tally): Record<string, number> {
  return {
    'actor/ppo_kl': meanShare(tally, 'kl'),
    'actor/pg_clipfrac': meanShare(tally, 'clipped'),
    'actor/pg_clipfrac_lower': meanShare(tally, 'lower'),
  };
}
