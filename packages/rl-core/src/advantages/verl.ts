import { rewardMetrics } from './reward-metrics.js';
import { scoreGroups } from './rewards.js';
import type { AdvantageEstimator, AdvantageOptions } from './types.js';

/** One group as a rule of verl's sees it: only rows that could be scored. */
export interface ScoredGroup {
  /** Rewards of the rows. */
  readonly rewards: Float64Array;
  /** Σ_t m of the rows; zeros when the estimator does not need the mask. */
  readonly lengths: Float64Array;
  /** Rows and rewards that are not 0 over the whole batch. */
  readonly batch: { readonly rows: number; readonly nonZero: number };
  readonly options: AdvantageOptions;
}

/**
 * A verl estimator that works group by group on one reward a sequence. A group of one passes its reward through;
 * a larger group of which only one row could be scored offers no comparison and gives 0.
 *
 * @param rule Advantages of a group of at least two scored rows (or of its only one).
 */
export function groupwiseAdvantages(
  name: string,
  source: string,
  rule: (group: ScoredGroup) => ArrayLike<number>,
  needs: AdvantageEstimator['needs'] = [],
): AdvantageEstimator {
  return {
    name,
    source,
    needs,
    usesTokenRewards: false,
    minimumGroupSize: 1,
    estimate(input, options = {}) {
      const scored = scoreGroups(input);
      const { combined } = scored;
      const scorable = combined.filter((r) => !Number.isNaN(r));
      const batch = { rows: scorable.length, nonZero: scorable.filter((r) => r !== 0).length };
      const advantages = new Float64Array(combined.length);
      for (const group of scored.groups) {
        const rows = group.filter((i) => !Number.isNaN(combined[i]!));
        if (rows.length === 0 || (rows.length === 1 && group.length > 1)) continue;
        const values = rule({
          rewards: Float64Array.from(rows, (i) => combined[i]!),
          lengths: Float64Array.from(rows, (i) => tokenCount(input.mask?.[i])),
          batch,
          options,
        });
        rows.forEach((i, j) => {
          advantages[i] = values[j]!;
        });
      }
      return { level: 'sequence', advantages, metrics: rewardMetrics(scored) };
    },
  };
}

function tokenCount(mask: ArrayLike<number> | undefined): number {
  let count = 0;
  for (let t = 0; t < (mask?.length ?? 0); t += 1) count += mask?.[t] ?? 0;
  return count;
}
