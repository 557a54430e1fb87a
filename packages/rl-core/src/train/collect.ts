import { RlError } from '../errors.js';
import { splitSeed } from '../random.js';
import type { DataOrder, Draw } from './data-order.js';
import type { TrainSettings } from './options.js';
import type { PolicySample, RewardInput } from './policy.js';
import { scoreSamples } from './score.js';

/** A sample with its rewards. */
export interface Trajectory<Prompt, Sequence> extends RewardInput<Prompt, Sequence> {
  /** Position of its group in the batch. */
  readonly group: number;
  /** `[K]`. */
  readonly rewards: readonly (number | null)[];
  /** Updates that the policy had seen when it sampled this. */
  readonly version: number;
  /** Weighted reward of the greedy answer to the same prompt; NaN where it was not asked for or not scorable. */
  readonly greedyReward: number;
}

/** What a step has to learn from. */
export interface Rollout<Prompt, Sequence> {
  readonly trajectories: readonly Trajectory<Prompt, Sequence>[];
  readonly groups: number;
  /** Groups that dynamic sampling threw away. */
  readonly droppedGroups: number;
  /** Prompts of groups without spread, dropped or not. */
  readonly withoutSpread: readonly number[];
  readonly rewardFailures: number;
  /** True when no prompt is left to draw. */
  readonly isExhausted: boolean;
}

// Rewards closer than this are equal (TRL's isclose).
const SPREAD = 1e-8;

function hasSpread(rewards: readonly (number | null)[]): boolean {
  const scored = rewards.filter((r) => r !== null);
  return scored.length > 1 && Math.max(...scored) - Math.min(...scored) > SPREAD;
}

/**
 * Draws prompts, samples a group for each, and scores them. With dynamic sampling, groups without spread are
 * replaced until the batch is full or the refills are used up.
 */
export async function collectRollout<Prompt, Sequence>(
  settings: TrainSettings<Prompt, Sequence>,
  order: DataOrder,
  { step, version }: { step: number; version: number },
): Promise<Rollout<Prompt, Sequence>> {
  const { dynamicSampling, promptsPerStep } = settings;
  const trajectories: Trajectory<Prompt, Sequence>[] = [];
  const withoutSpread: number[] = [];
  let groups = 0;
  let droppedGroups = 0;
  let rewardFailures = 0;
  let isExhausted = false;
  for (let round = 0; round <= (dynamicSampling?.maxRefills ?? 0); round += 1) {
    const draws: Draw[] = [];
    while (draws.length < promptsPerStep - groups) {
      const draw = order.next();
      if (draw === null) break;
      draws.push(draw);
    }
    isExhausted = draws.length === 0 && groups < promptsPerStep;
    if (draws.length === 0) break;
    const batch = await sampleGroups(settings, draws, { step, version });
    rewardFailures += batch.failures;
    for (const group of batch.groups) {
      const outcome = group.map(({ rewards }) => rewards[dynamicSampling?.on ?? 0] ?? null);
      const combined = group.map(({ rewards }) => weighted(rewards, settings.weights));
      const { promptIndex } = group[0]!;
      if (!hasSpread(combined)) withoutSpread.push(promptIndex);
      const isEasy = outcome.every((r) => r !== null && r >= settings.easyReward);
      if (isEasy && !settings.replayEasyPrompts) order.retire(promptIndex);
      if (dynamicSampling !== null && !hasSpread(outcome)) {
        droppedGroups += 1;
        continue;
      }
      trajectories.push(...group.map((trajectory) => ({ ...trajectory, group: groups })));
      groups += 1;
    }
  }
  return { trajectories, groups, droppedGroups, withoutSpread, rewardFailures, isExhausted };
}

function weighted(rewards: readonly (number | null)[], weights: readonly number[]): number | null {
  if (rewards.every((r) => r === null)) return null;
  return rewards.reduce<number>((sum, r, k) => sum + (r ?? 0) * weights[k]!, 0);
}

async function sampleGroups<Prompt, Sequence>(
  settings: TrainSettings<Prompt, Sequence>,
  draws: readonly Draw[],
  { step, version }: { step: number; version: number },
): Promise<{ groups: Trajectory<Prompt, Sequence>[][]; failures: number }> {
  const { policy, samplesPerPrompt, seed, signal, advantage } = settings;
  const prompts = draws.map(({ promptIndex }) => settings.prompts[promptIndex]!);
  // A seed depends on the draw, so a prompt drawn twice gives other samples.
  const seeds = draws.map(({ draw }) =>
    Array.from({ length: samplesPerPrompt }, (_, i) => splitSeed(seed, 'sample', draw, i)),
  );
  const sampled = await policy.sample(prompts, { seeds, greedy: false, signal });
  assertGroups(sampled, draws.length, samplesPerPrompt);
  const needsGreedy = advantage.needs.includes('greedyRewards');
  const greedy = needsGreedy
    ? await policy.sample(prompts, {
        seeds: seeds.map((row) => row.slice(0, 1)),
        greedy: true,
        signal,
      })
    : [];
  if (needsGreedy) assertGroups(greedy, draws.length, 1);
  const inputOf = (g: number, sampleIndex: number, sample: PolicySample<Sequence>) => ({
    prompt: prompts[g]!,
    promptIndex: draws[g]!.promptIndex,
    sampleIndex,
    sample,
  });
  const inputs = sampled.flatMap((group, g) => group.map((sample, i) => inputOf(g, i, sample)));
  const greedyInputs = greedy.map((group, g) => inputOf(g, 0, group[0]!));
  // One call for both, so that a judge sees one batch.
  const { rewards, failures } = await scoreSamples(settings, [...inputs, ...greedyInputs], step);
  const greedyReward = (g: number): number =>
    needsGreedy
      ? (weighted(rewards[inputs.length + g]!, settings.weights) ?? Number.NaN)
      : Number.NaN;
  const groups = sampled.map((group, g) =>
    group.map((sample, i) => ({
      ...inputOf(g, i, sample),
      group: g,
      rewards: rewards[g * samplesPerPrompt + i]!,
      version: sample.policyVersion ?? version,
      greedyReward: greedyReward(g),
    })),
  );
  return { groups, failures };
}

function assertGroups<Sequence>(
  groups: readonly (readonly PolicySample<Sequence>[])[],
  prompts: number,
  samples: number,
): void {
  const wrong = groups.findIndex((group) => group.length !== samples);
  if (groups.length === prompts && wrong < 0) return;
  throw new RlError(
    'shape-mismatch',
    wrong < 0
      ? `The policy sampled ${groups.length} groups for ${prompts} prompts.`
      : `The policy sampled ${groups[wrong]?.length} completions for prompt ${wrong}, expected ${samples}.`,
  );
}
