import {
  type AdvantageEstimator,
  type AdvantageEstimatorName,
  type AdvantageOptions,
  type AdvantageResult,
  advantageEstimators,
} from '@iapo/rl-core';
import { IapoError, lookUp } from '../errors.js';

/** One part of a reward: a value a sample, and how much it counts. */
export interface RewardPart {
  readonly name: string;
  readonly weight: number;
  /** `[N]`; `null` where there is nothing to count. */
  readonly values: readonly (number | null)[];
}

export interface CombineOptions {
  /**
   * `together`: the weighted sum is normalized in its group, as the paper does. `separately`: every part is
   * normalized in its group first (GDPO, 2601.05242), so that a part of small spread is not drowned. Default `together`.
   */
  readonly scaling?: 'together' | 'separately';
  /** How a sum becomes an advantage, with `together`. Default `group`, GRPO's. */
  readonly advantage?: AdvantageEstimatorName | AdvantageEstimator;
  readonly advantageOptions?: AdvantageOptions;
}

/**
 * Parts of a reward → advantages.
 *
 * @param groups The group of each sample, `[N]`.
 * @param mask Trained tokens, `[N][T]`; needed by estimators that work on tokens.
 */
export function combineRewards(
  parts: readonly RewardPart[],
  groups: readonly (string | number)[],
  options: CombineOptions & { readonly mask?: readonly ArrayLike<number>[] } = {},
): AdvantageResult {
  const { scaling = 'together', advantage = 'group', advantageOptions = {}, mask } = options;
  if (scaling !== 'together' && scaling !== 'separately') {
    throw new IapoError(
      'invalid-option',
      `Unknown scaling "${String(scaling)}". Known: together, separately.`,
    );
  }
  const estimator = lookUp<AdvantageEstimator>(
    'advantage estimator',
    advantageEstimators,
    scaling === 'separately' ? 'gdpo' : advantage,
  );
  return estimator.estimate(
    {
      rewards: groups.map((_, index) => parts.map(({ values }) => values[index] ?? null)),
      weights: parts.map(({ weight }) => weight),
      rewardNames: parts.map(({ name }) => name),
      groups,
      ...(mask === undefined ? {} : { mask }),
    },
    advantageOptions,
  );
}
