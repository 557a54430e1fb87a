import { splitSeed } from '@iapo/rl-core';
import pLimit from 'p-limit';
import { attemptsCall } from '../explain/call-span.js';
import type { ExplainSettings } from '../explain/explain-options.js';
import type { CallExplanation, Explainer } from '../explain/explainer.js';
import type { AgentPrompt } from '../model/agent-model.js';
import type { PlayedEpisode } from '../model/play-episodes.js';
import type { MissingReason } from '../reward/missing-penalties.js';
import { seededShuffle } from '../seeded-shuffle.js';
import type { BlockMeans } from './events.js';

/** Explanations of a batch of rollouts, one for each, equal calls sharing one. */
export interface ExplainedCalls {
  readonly explanations: readonly (CallExplanation | null)[];
  readonly missing: readonly (Exclude<MissingReason, 'gated'> | null)[];
  readonly distinctCalls: number;
  readonly chosen: number;
  readonly failures: readonly { readonly taskId: string; readonly reason: string }[];
  readonly blocks: BlockMeans | null;
}

/** Failures that are told in an event; the rest is only counted. */
const toldFailures = 5;

/**
 * Explains each distinct tool call of a batch once; calls whose penalty is gated are left out.
 *
 * @param explainer `null` without a teacher: nothing is explained.
 */
export async function explainCalls<P extends AgentPrompt, T extends AgentPrompt>(
  explainer: Explainer<P, T> | null,
  episodes: readonly PlayedEpisode<P>[],
  options: {
    readonly settings: ExplainSettings;
    readonly step: number;
    readonly seed: number;
    readonly version: number;
    /** Whether a rollout's penalty counts, one for each. Default: all do. */
    readonly isPenalized?: readonly boolean[];
  },
): Promise<ExplainedCalls> {
  const { settings, step, seed, version, isPenalized = [] } = options;
  const isDue = explainer !== null && (step - 1) % settings.everySteps === 0;
  const keys = episodes.map((episode, index) =>
    explainer !== null && attemptsCall(episode) && isPenalized[index] !== false
      ? explainer.keyOf(episode)
      : null,
  );
  const distinct = [...new Set(keys.filter((key) => key !== null))];
  const { budget } = settings;
  const chosen = new Set(
    budget === null || distinct.length <= budget
      ? distinct
      : seededShuffle(distinct, splitSeed(seed, 'explain', step)).slice(0, budget),
  );
  const firstOf = new Map<string, PlayedEpisode<P>>();
  for (const [index, key] of keys.entries()) {
    if (isDue && key !== null && chosen.has(key) && !firstOf.has(key))
      firstOf.set(key, episodes[index]!);
  }
  const byKey =
    explainer === null
      ? new Map<string, CallExplanation>()
      : await explainEach(firstOf, settings.concurrency, (episode) =>
          explainer.explain(episode, version),
        );
  const explanations = keys.map((key) => (key === null ? null : (byKey.get(key) ?? null)));
  return {
    explanations,
    missing: explanations.map((explanation, index) => {
      if (explanation !== null) return explanation.missing;
      return attemptsCall(episodes[index]!) ? 'not-explained' : 'no-call';
    }),
    distinctCalls: distinct.length,
    chosen: isDue ? chosen.size : 0,
    failures: [...byKey]
      .filter(([, { missing }]) => missing === 'failed')
      .slice(0, toldFailures)
      .map(([key, { reason }]) => ({
        taskId: episodes[keys.indexOf(key)]?.task.id ?? '',
        reason: reason ?? '',
      })),
    blocks: meanBlocks(explanations),
  };
}

/** In the order of the calls, whichever is ready first. After a failure no further one is begun. */
async function explainEach<P>(
  calls: ReadonlyMap<string, PlayedEpisode<P>>,
  concurrency: number,
  explain: (episode: PlayedEpisode<P>) => Promise<CallExplanation>,
): Promise<Map<string, CallExplanation>> {
  const limit = pLimit(concurrency);
  const failures: unknown[] = [];
  const found = await Promise.all(
    [...calls].map(([key, episode]) =>
      limit(async () => {
        if (failures.length > 0) return null;
        try {
          return [key, await explain(episode)] as const;
        } catch (error) {
          failures.push(error);
          return null;
        }
      }),
    ),
  );
  if (failures.length > 0) throw failures[0];
  return new Map(found.filter((entry) => entry !== null));
}

/** Mean shares over rollouts with a usable explanation; a block that a call lacks counts as share 0 there. */
function meanBlocks(explanations: readonly (CallExplanation | null)[]): BlockMeans | null {
  const usable = explanations.filter(
    (explanation) => explanation !== null && explanation.pair !== null,
  );
  if (usable.length === 0) return null;
  const student: Record<string, number> = {};
  const teacher: Record<string, number> = {};
  for (const explanation of usable) {
    for (const [index, name] of (explanation?.blocks ?? []).entries()) {
      const [a, b] = [explanation?.pair?.student[index], explanation?.pair?.teacher[index]];
      student[name] = (student[name] ?? 0) + (a ?? 0) / usable.length;
      teacher[name] = (teacher[name] ?? 0) + (b ?? 0) / usable.length;
    }
  }
  return { student, teacher };
}
