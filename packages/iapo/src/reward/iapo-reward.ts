import { type Divergence, type DivergenceName, divergences } from '@iapo/attribution';
import type { AdvantageResult } from '@iapo/rl-core';
import { IapoError, lookUp } from '../errors.js';
import { type CombineOptions, combineRewards, type RewardPart } from './combine-rewards.js';
import { type MissingReason, type MissingRules, substitute } from './missing-penalties.js';
import { type PenaltyGate, type PenaltyGateName, penalizedSamples } from './penalty-gates.js';
import { type PenaltyWeightOptions, penaltyWeight, type RunPosition } from './penalty-weight.js';

/** Block distributions of one call, over the same blocks in the same order; each sums to 1. */
export interface ExplanationPair {
  readonly student: readonly number[];
  readonly teacher: readonly number[];
}

/** One rollout, as the reward sees it. */
export interface RewardSample {
  /** Rollouts of one prompt share a group. */
  readonly group: string | number;
  /** `null`: could not be scored; the sample then has no reward at all. */
  readonly outcome: number | null;
  /** `null`: there is no usable explanation, see `missing`. */
  readonly explanation: ExplanationPair | null;
  /** Why there is none. Default `not-explained`. */
  readonly missing?: Exclude<MissingReason, 'gated'>;
}

/** Options of the reward; all but the sum itself are left open by the paper. */
export interface IapoRewardOptions extends PenaltyWeightOptions, CombineOptions {
  /** Default `kl`, KL(student ‖ teacher); its direction is not stated in the paper. */
  readonly divergence?: DivergenceName | Divergence;
  /** Greatest divergence that counts, in units of the divergence; `null` for none. Default none; not stated in the paper. */
  readonly cap?: number | null;
  /**
   * What samples without an explanation get. Default `none` for every reason: no penalty, and counted; not stated
   * in the paper. A divergence is never negative, so with `none` a rollout without a call is better off than any
   * with one: watch the call rate, and give `'no-call'` a rule if it falls.
   */
  readonly missing?: MissingRules;
  /** Which samples are penalized. Default `all`, as the paper reads. */
  readonly gate?: PenaltyGateName | PenaltyGate;
  /** Further parts of the reward by name, `[N]` each with its weight. */
  readonly parts?: readonly RewardPart[];
  /** Where the run stands, for the schedule of λ. Default: λ itself. */
  readonly position?: RunPosition | null;
  /** Trained tokens, `[N][T]`; needed by advantage estimators that work on tokens. */
  readonly mask?: readonly ArrayLike<number>[];
}

/** What a rollout got, part by part. */
export interface SampleReward {
  readonly outcome: number | null;
  /** As measured; `null` without an explanation. */
  readonly divergence: number | null;
  /** The divergence that counts: capped, gated, or standing in for a missing one. `null`: no penalty. */
  readonly penalty: number | null;
  /** Why `divergence` did not count, or is not there. */
  readonly missing: MissingReason | null;
  /** outcome − λ · penalty + Σ weight · part; `null` for an unscorable outcome. */
  readonly total: number | null;
}

export interface IapoReward {
  readonly samples: readonly SampleReward[];
  /** Parts with their weights: `outcome`, `attribution` (the negative penalty, weight λ), then `parts`. */
  readonly parts: readonly RewardPart[];
  readonly lambda: number;
  readonly advantages: AdvantageResult;
  /** rl-core's reward metrics, with `rewards/outcome/…` and `rewards/attribution/…` apart. */
  readonly metrics: Readonly<Record<string, number | null>>;
  /** Samples without a measured penalty, by reason. */
  readonly missing: Readonly<Record<MissingReason, number>>;
}

/**
 * The reward of IAPO (2606.11652) for a batch of rollouts, and the advantages that follow.
 *
 *   r_i = outcome_i − λ · D(student_i ‖ teacher_i)
 *
 * `D` compares the block distributions of the rollout's tool call; `r` is normalized in its group.
 *
 * @param samples `[N]`, rollouts of a group in any order.
 * @throws {IapoError} `invalid-option`, `unknown-name`, or `non-finite` for an outcome that is no number.
 * @throws {AttributionError} For distributions that a divergence cannot compare.
 * @example
 * const pair = { student: [0.5, 0.5], teacher: [0.9, 0.1] };
 * iapoReward([{ group: 0, outcome: 1, explanation: pair }, { group: 0, outcome: 0, explanation: null }]).samples;
 */
export function iapoReward(
  samples: readonly RewardSample[],
  options: IapoRewardOptions = {},
): IapoReward {
  const { position = null, cap = null, missing: rules = {}, parts: further = [] } = options;
  if (cap !== null && !(cap > 0)) {
    throw new IapoError('invalid-option', `\`cap\` must be above 0 or null, got ${cap}.`);
  }
  const lambda = penaltyWeight(options, position);
  const divergence = lookUp<Divergence>('divergence', divergences, options.divergence ?? 'kl');
  const groups = groupIndices(samples);
  const limit = (value: number): number => (cap === null ? value : Math.min(value, cap));
  const measured = samples.map(({ outcome, explanation }, index) => {
    if (outcome !== null && !Number.isFinite(outcome)) {
      throw new IapoError(
        'non-finite',
        `The outcome of sample ${index} is ${outcome}; give a finite number, or null when it cannot be scored.`,
      );
    }
    return explanation === null
      ? null
      : divergence.compute(explanation.student, explanation.teacher);
  });
  const outcomes = samples.map(({ outcome }) => outcome);
  const isPenalized = penalizedSamples(
    options.gate ?? 'all',
    outcomes,
    samples.map(({ group }) => group),
  );
  const penalties = samples.map((sample, index): Pick<SampleReward, 'penalty' | 'missing'> => {
    if (isPenalized[index] !== true) return { penalty: null, missing: 'gated' };
    const members = groups.get(sample.group) ?? [];
    const value = measured[index] ?? null;
    if (value !== null) return { penalty: limit(value), missing: null };
    const reason = sample.missing ?? 'not-explained';
    const known = members.flatMap((member) => measured[member] ?? []).map(limit);
    return { penalty: substitute(rules[reason] ?? 'none', known), missing: reason };
  });
  // An unscorable outcome takes the sample out: a penalty or bonus alone would say that the answer was worth 0.
  const onlyScored = (values: readonly (number | null)[]): (number | null)[] =>
    values.map((value, index) => (outcomes[index] === null ? null : value));
  const parts: RewardPart[] = [
    { name: 'outcome', weight: 1, values: outcomes },
    {
      name: 'attribution',
      weight: lambda,
      values: onlyScored(penalties.map(({ penalty }) => (penalty === null ? null : -penalty))),
    },
    ...further.map((part) => ({ ...part, values: onlyScored(part.values) })),
  ];
  const advantages = combineRewards(
    parts,
    samples.map(({ group }) => group),
    options,
  );
  return {
    samples: penalties.map(({ penalty, missing }, index) => ({
      outcome: outcomes[index] ?? null,
      divergence: measured[index] ?? null,
      penalty,
      missing,
      total: totalOf(parts, index),
    })),
    parts,
    lambda,
    advantages,
    metrics: advantages.metrics,
    missing: countReasons(penalties.map(({ missing }) => missing)),
  };
}

function groupIndices(samples: readonly RewardSample[]): Map<string | number, number[]> {
  const groups = new Map<string | number, number[]>();
  samples.forEach(({ group }, index) => {
    const members = groups.get(group);
    if (members === undefined) groups.set(group, [index]);
    else members.push(index);
  });
  return groups;
}

function totalOf(parts: readonly RewardPart[], index: number): number | null {
  if (parts[0]?.values[index] === null) return null;
  return parts.reduce((sum, { weight, values }) => sum + weight * (values[index] ?? 0), 0);
}

function countReasons(
  reasons: readonly (MissingReason | null)[],
): Readonly<Record<MissingReason, number>> {
  const counts: Record<MissingReason, number> = {
    'no-call': 0,
    'not-explained': 0,
    failed: 0,
    degenerate: 0,
    'not-converged': 0,
    gated: 0,
  };
  for (const reason of reasons) if (reason !== null) counts[reason] += 1;
  return counts;
}
