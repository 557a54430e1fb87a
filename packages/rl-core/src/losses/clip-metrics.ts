import type { PolicyLossSettings } from '../settings.js';
import type { LossRow, Tally } from './types.js';

/** Adds `sum` flags among `count` values to the totals under `name`, keeping the least and greatest row mean. */
export function addRowShare(tally: Tally, name: string, sum: number, count: number): void {
  tally[`${name}.sum`] = (tally[`${name}.sum`] ?? 0) + sum;
  tally[`${name}.count`] = (tally[`${name}.count`] ?? 0) + count;
  if (count === 0) return; // A row without tokens has no mean.
  const mean = sum / count;
  tally[`${name}.min`] = Math.min(tally[`${name}.min`] ?? Number.POSITIVE_INFINITY, mean);
  tally[`${name}.max`] = Math.max(tally[`${name}.max`] ?? Number.NEGATIVE_INFINITY, mean);
}

/** Mean of the flags added by `addRowShare`, 0 over nothing. */
export function meanShare(tally: Tally, name: string): number {
  return (tally[`${name}.sum`] ?? 0) / Math.max(tally[`${name}.count`] ?? 0, 1);
}

/**
 * TRL's clip ratios. Low: w < 1 − ε and A < 0. High: w > 1 + ε_h and A > 0. With one ratio a row, a row counts
 * once; otherwise each token does.
 */
export function observeClipRatio(
  row: LossRow,
  settings: PolicyLossSettings,
  tally: Tally,
  isRowConstant: boolean,
): void {
  const low = 1 - settings.epsilonLow;
  const high = 1 + (settings.epsilonHigh ?? settings.epsilonLow);
  const cap = settings.delta ?? Number.POSITIVE_INFINITY;
  const { ratio, advantages, mask } = row;
  let lowCount = 0;
  let highCount = 0;
  const last = isRowConstant ? Math.min(row.length, 1) : row.length;
  for (let t = 0; t < last; t += 1) {
    // Products of 0 and 1 instead of branches, which ratios on both sides of a bound would mispredict.
    const w = Math.min(ratio[t]!, cap);
    const counts = isRowConstant ? 1 : mask[t]!;
    const advantage = advantages[t]!;
    lowCount += Number(w < low) * Number(advantage < 0) * counts;
    highCount += Number(w > high) * Number(advantage > 0) * counts;
  }
  const count = isRowConstant ? last : row.tokens;
  addRowShare(tally, 'low', lowCount, count);
  addRowShare(tally, 'high', highCount, count);
}

/** The five clip ratios under TRL's names. */
export function clipRatioMetrics(tally: Tally): Record<string, number | null> {
  return {
    'clip_ratio/low_mean': meanShare(tally, 'low'),
    'clip_ratio/low_min': tally['low.min'] ?? null,
    'clip_ratio/high_mean': meanShare(tally, 'high'),
    'clip_ratio/high_max': tally['high.max'] ?? null,
    'clip_ratio/region_mean': meanShare(tally, 'low') + meanShare(tally, 'high'),
  };
}
