import { attemptsCall } from '../explain/call-span.js';
import type { CallExplanation } from '../explain/explainer.js';
import type { PlayedEpisode } from '../model/play-episodes.js';
import type { IapoReward } from '../reward/iapo-reward.js';
import type { SignalHealth } from '../signal/signal-health.js';
import type { BlockMeans, Metrics } from './events.js';
import type { EpisodeScore } from './score-episodes.js';

/** Mean of what is known; `null` when nothing is. */
function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

const share = (flags: readonly boolean[]): number | null =>
  meanOf(flags.map((flag) => (flag ? 1 : 0)));

/** Accuracy, tool use and lengths of a batch of episodes. */
export function rolloutMetrics(
  episodes: readonly PlayedEpisode<unknown>[],
  scores: readonly EpisodeScore[],
): Metrics {
  const attempts = episodes.filter(attemptsCall);
  const calls = episodes.map(({ trajectory }) => trajectory.counts);
  const lengths = calls.map(({ modelTokens }) => modelTokens);
  return {
    accuracy: meanOf(scores.map(({ outcome }) => outcome)),
    unscorable: scores.filter(({ outcome }) => outcome === null).length,
    'tools/call_rate': share(episodes.map(attemptsCall)),
    'tools/success_rate': share(
      attempts.map(({ trajectory: { counts } }) => counts.failedCalls + counts.failedParses === 0),
    ),
    'tools/failed_calls': calls.reduce((sum, { failedCalls }) => sum + failedCalls, 0),
    'tools/unreadable_calls': calls.reduce((sum, { failedParses }) => sum + failedParses, 0),
    'episodes/answered': share(episodes.map(({ trajectory }) => trajectory.end === 'answer')),
    'episodes/turns': meanOf(episodes.map(({ trajectory }) => trajectory.turns.length)),
    'completions/mean_length': meanOf(lengths),
    'completions/max_length': lengths.length === 0 ? null : Math.max(...lengths),
  };
}

/** Mean entropy of the trained tokens before the update, nats; `null` for a model that gives none. */
export function meanEntropy(
  rows: readonly {
    readonly mask: Uint8Array;
    readonly old: { readonly entropies?: ArrayLike<number> | null };
  }[],
): number | null {
  return meanOf(
    rows.flatMap(({ mask, old: { entropies } }) =>
      entropies === null || entropies === undefined
        ? []
        : Array.from(entropies).filter((_, token) => mask[token] === 1),
    ),
  );
}

/** What the penalty was, and what it is worth. */
export function penaltyMetrics(
  reward: IapoReward,
  explanations: readonly (CallExplanation | null)[],
  health: SignalHealth,
): Metrics {
  const { samples, lambda, missing } = reward;
  const found = explanations.filter((explanation) => explanation !== null);
  const deltas = found.flatMap(({ student, teacher }) =>
    [student, teacher].map((result) => result?.completeness?.relativeDelta ?? null),
  );
  return {
    'penalty/lambda': lambda,
    'penalty/divergence': meanOf(samples.map(({ divergence }) => divergence)),
    'penalty/penalty': meanOf(samples.map(({ penalty }) => penalty)),
    'penalty/explained': share(samples.map(({ divergence }) => divergence !== null)),
    ...Object.fromEntries(
      Object.entries(missing).map(([reason, count]) => [`penalty/missing/${reason}`, count]),
    ),
    'signal/relative_delta': meanOf(deltas),
    'signal/degenerate': share(found.map((explanation) => explanation.missing === 'degenerate')),
    'signal/auc': health.step.auc,
    'signal/window_auc': health.window.auc,
    'signal/window_auc_low': health.window.interval?.[0] ?? null,
    'signal/window_auc_high': health.window.interval?.[1] ?? null,
    'signal/window_pairs': health.window.pairs,
    'signal/groups_decided_by_penalty': health.decidedByPenalty.length,
  };
}

/** `blocks/student/P` and so on, for TensorBoard. */
export function blockMetrics(blocks: BlockMeans | null): Metrics {
  if (blocks === null) return {};
  return Object.fromEntries(
    (['student', 'teacher'] as const).flatMap((who) =>
      Object.entries(blocks[who]).map(([name, value]) => [`blocks/${who}/${name}`, value] as const),
    ),
  );
}

/** Mean of each metric over the updates of a step. */
export function meanOfUpdates(updates: readonly Metrics[]): Metrics {
  const names = new Set(updates.flatMap((metrics) => Object.keys(metrics)));
  return Object.fromEntries(
    [...names].map((name) => [name, meanOf(updates.map((metrics) => metrics[name] ?? null))]),
  );
}
