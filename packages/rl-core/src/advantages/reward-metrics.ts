import type { ScoredGroups } from './rewards.js';
import { isZeroDeviation, nanDeviation, nanMean, numberOrNull, pick } from './statistics.js';
import type { AdvantageMetrics } from './types.js';

/**
 * TRL's reward metrics.
 *
 * @param deviations Standard deviation that belongs to each row, `[N]`; default: its group's (0 in a group of one).
 */
export function rewardMetrics(scored: ScoredGroups, deviations?: Float64Array): AdvantageMetrics {
  const spread = deviations ?? groupDeviations(scored);
  const count = scored.combined.length;
  const metrics: Record<string, number | null> = {
    reward: numberOrNull(nanMean(scored.combined)),
    reward_std: numberOrNull(nanDeviation(scored.combined)),
    frac_reward_zero_std: spread.filter(isZeroDeviation).length / Math.max(count, 1),
    // Not in TRL: how many sequences no reward function could score.
    unscorable: scored.combined.filter(Number.isNaN).length,
  };
  scored.names.forEach((name, k) => {
    const values = scored.perFunction.map((row) => row[k]!);
    metrics[`rewards/${name}/mean`] = numberOrNull(nanMean(values));
    metrics[`rewards/${name}/std`] = numberOrNull(nanDeviation(values));
  });
  return metrics;
}

/** Each row's group deviation of the combined reward, 0 in a group of one, `[N]`. */
export function groupDeviations(scored: ScoredGroups): Float64Array {
  const deviations = new Float64Array(scored.combined.length);
  for (const rows of scored.groups) {
    const deviation = rows.length > 1 ? nanDeviation(pick(scored.combined, rows)) : 0;
    for (const i of rows) deviations[i] = deviation;
  }
  return deviations;
}
