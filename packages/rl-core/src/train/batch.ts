import type { AdvantageResult } from '../advantages/index.js';
import { RlError } from '../errors.js';
import { klEstimators } from '../kl/index.js';
import { type Row, rowAt } from '../rows.js';
import type { Rollout, Trajectory } from './collect.js';
import type { TrainSettings } from './options.js';
import type { Scorer, TokenScores } from './policy.js';

/** A trajectory with everything that an update needs. */
export interface TrainingRow<Prompt, Sequence> {
  readonly trajectory: Trajectory<Prompt, Sequence>;
  /** Loss mask, `[T]`. */
  readonly mask: Row;
  /** o, with entropies if the policy gave them. */
  readonly old: TokenScores;
  /** q, null without a reference. */
  readonly reference: Row | null;
  /** One number, or one a token. */
  readonly advantage: number | Row;
}

/** Scores sequences and checks the shapes of what comes back. */
export async function scoreTokens<Prompt, Sequence>(
  scorer: Scorer<Sequence>,
  trajectories: readonly Trajectory<Prompt, Sequence>[],
  options: { entropy: boolean; signal: AbortSignal | undefined; who: string },
): Promise<readonly TokenScores[]> {
  const { entropy, signal, who } = options;
  const scores = await scorer.logprobs(
    trajectories.map(({ sample }) => sample.sequence),
    { entropy, signal },
  );
  const wrong = trajectories.findIndex(
    ({ sample }, i) => scores[i]?.logprobs.length !== sample.length,
  );
  if (scores.length !== trajectories.length || wrong >= 0) {
    throw new RlError(
      'shape-mismatch',
      wrong < 0
        ? `The ${who} scored ${scores.length} sequences, expected ${trajectories.length}.`
        : `The ${who} gave ${scores[wrong]?.logprobs.length} log-probabilities for prompt ${trajectories[wrong]?.promptIndex}, sample ${trajectories[wrong]?.sampleIndex}, expected ${trajectories[wrong]?.sample.length}.`,
    );
  }
  if (entropy && scores.some((score) => !score.entropies)) {
    throw new RlError(
      'missing-input',
      `The ${who} gave no entropies, which the loss settings need.`,
    );
  }
  return scores;
}

function lossMask(trajectory: Trajectory<unknown, unknown>, maskTruncated: boolean): Row {
  const { length, toolMask, isTruncated = false } = trajectory.sample;
  if (isTruncated && maskTruncated) return new Uint8Array(length);
  return toolMask ?? new Uint8Array(length).fill(1);
}

/** Rewards → advantages, with a KL penalty in the reward if asked. */
async function estimateAdvantages<Prompt, Sequence>(
  settings: TrainSettings<Prompt, Sequence>,
  trajectories: readonly Trajectory<Prompt, Sequence>[],
  rows: readonly { mask: Row; old: TokenScores; reference: Row | null }[],
): Promise<AdvantageResult> {
  const { advantage, advantageOptions, klInReward, rewardNames, weights, policy } = settings;
  const mask = rows.map((row) => row.mask);
  const estimator = klInReward === null ? null : klEstimators[klInReward.estimator];
  const kl = rows.map(({ old, reference, mask: m }) =>
    Float64Array.from(old.logprobs, (p, t) =>
      estimator === null || reference === null ? 0 : estimator.value(p, reference[t]!) * m[t]!,
    ),
  );
  const coefficient = klInReward?.coefficient ?? 0;
  const isPerToken = klInReward !== null && advantage.usesTokenRewards;
  // An estimator of whole sequences takes the row's KL as one more reward with a negative weight.
  const isReward = klInReward !== null && !advantage.usesTokenRewards;
  const values = advantage.needs.includes('values')
    ? await policy.values?.(trajectories.map(({ sample }) => sample.sequence))
    : undefined;
  return advantage.estimate(
    {
      rewards: trajectories.map(({ rewards }, i) => {
        const penalty = kl[i]!.reduce((sum, x) => sum + x, 0);
        const isScored = rewards.some((r) => r !== null);
        return isReward ? [...rewards, isScored ? penalty : null] : rewards;
      }),
      weights: isReward ? [...weights, -coefficient] : weights,
      rewardNames: isReward ? [...rewardNames, 'kl'] : rewardNames,
      groups: trajectories.map(({ group }) => group),
      mask,
      greedyRewards: trajectories.map(({ greedyReward }) => greedyReward),
      ...(isPerToken ? { tokenRewards: kl.map((row) => row.map((x) => -coefficient * x)) } : {}),
      ...(values === undefined ? {} : { values }),
    },
    advantageOptions,
  );
}

/** Scores a rollout under the policy and the reference, and gives each trajectory its advantage. */
export async function prepareRows<Prompt, Sequence>(
  settings: TrainSettings<Prompt, Sequence>,
  rollout: Rollout<Prompt, Sequence>,
  options: { entropy: boolean },
): Promise<{
  rows: readonly TrainingRow<Prompt, Sequence>[];
  metrics: Readonly<Record<string, number | null>>;
}> {
  const { trajectories } = rollout;
  const { policy, reference, signal } = settings;
  const old = await scoreTokens(policy, trajectories, { ...options, signal, who: 'policy' });
  const needsReference = (settings.loss.beta ?? 0) !== 0 || settings.klInReward !== null;
  const referenceScores =
    reference === null || !needsReference
      ? null
      : await scoreTokens(reference, trajectories, { entropy: false, signal, who: 'reference' });
  const scored = trajectories.map((trajectory, i) => ({
    trajectory,
    mask: lossMask(trajectory, settings.maskTruncated),
    old: old[i]!,
    reference: referenceScores?.[i]?.logprobs ?? null,
  }));
  const result = await estimateAdvantages(settings, trajectories, scored);
  const rows = scored.map((row, i) => ({
    ...row,
    advantage: result.level === 'token' ? rowAt(result.advantages, i) : (result.advantages[i] ?? 0),
  }));
  return { rows, metrics: result.metrics };
}
