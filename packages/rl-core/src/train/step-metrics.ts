import type { Rollout } from './collect.js';
import type { Metrics } from './events.js';

/** Lengths and truncation of a rollout's completions, under TRL's names. */
export function rolloutMetrics(rollout: Rollout<unknown, unknown>): Metrics {
  const samples = rollout.trajectories.map(({ sample }) => sample);
  const lengths = samples.map(({ length }) => length);
  const ended = samples.filter(({ isTruncated = false }) => !isTruncated).map((s) => s.length);
  const share = (count: number, of: number): number | null => (of === 0 ? null : count / of);
  return {
    ...spread('completions', 'length', lengths),
    ...spread('completions', 'terminated_length', ended),
    'completions/clipped_ratio': share(lengths.length - ended.length, lengths.length),
    'groups/dropped': rollout.droppedGroups,
    'groups/without_spread': rollout.withoutSpread.length,
    'rewards/failures': rollout.rewardFailures,
  };
}

function spread(prefix: string, name: string, values: readonly number[]): Metrics {
  const isEmpty = values.length === 0;
  const sum = values.reduce((total, value) => total + value, 0);
  return {
    [`${prefix}/mean_${name}`]: isEmpty ? null : sum / values.length,
    [`${prefix}/min_${name}`]: isEmpty ? null : Math.min(...values),
    [`${prefix}/max_${name}`]: isEmpty ? null : Math.max(...values),
  };
}

/** One number a metric over the updates of a step: the least of `…min`, the greatest of `…max`, else the mean. */
export function mergeUpdateMetrics(updates: readonly Metrics[]): Metrics {
  const names = new Set(updates.flatMap((metrics) => Object.keys(metrics)));
  const merged: Record<string, number | null> = {};
  for (const name of names) {
    const values = updates
      .map((metrics) => metrics[name] ?? null)
      .filter((value) => value !== null);
    const last = name.slice(name.lastIndexOf('/') + 1);
    if (values.length === 0) merged[name] = null;
    else if (last === 'min' || last.endsWith('_min')) merged[name] = Math.min(...values);
    else if (last === 'max' || last.endsWith('_max')) merged[name] = Math.max(...values);
    else merged[name] = values.reduce((sum, value) => sum + value, 0) / values.length;
  }
  return merged;
}
