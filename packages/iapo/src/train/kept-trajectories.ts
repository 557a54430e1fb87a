import type { AgentPrompt } from '../model/agent-model.js';
import type { PlayedEpisode } from '../model/play-episodes.js';
import type { IapoReward } from '../reward/iapo-reward.js';
import { type TrajectoryRecord, trajectoryRecord } from '../runs/trajectory-record.js';
import type { ExplainedCalls } from './explain-calls.js';
import type { TrainIapoSettings } from './options.js';
import type { EpisodeScore } from './score-episodes.js';

/** The step's rollouts to keep for reports, evenly spread over the batch; in the first and last step too. */
export function keptTrajectories<P extends AgentPrompt, T extends AgentPrompt>(
  { keepTrajectories, steps, samplesPerPrompt }: TrainIapoSettings<P, T>,
  {
    step,
    episodes,
    scores,
    explained,
    reward,
  }: {
    readonly step: number;
    readonly episodes: readonly PlayedEpisode<P>[];
    readonly scores: readonly EpisodeScore[];
    readonly explained: ExplainedCalls;
    readonly reward: IapoReward;
  },
): TrajectoryRecord[] {
  const { everySteps, perStep } = keepTrajectories;
  if (step !== 1 && step !== steps && step % everySteps !== 0) return [];
  const count = Math.min(perStep, episodes.length);
  const { advantages, level } = reward.advantages;
  return Array.from({ length: count }, (_, k) => {
    const index = Math.floor((k * episodes.length) / count);
    const sample = reward.samples[index]!;
    return trajectoryRecord(episodes[index]!, explained.explanations[index] ?? null, {
      ...sample,
      step,
      sample: index % samplesPerPrompt,
      answer: scores[index]!.answer,
      lambda: reward.lambda,
      parts: Object.fromEntries(
        reward.parts.slice(2).map(({ name, values }) => [name, values[index] ?? null]),
      ),
      advantage: level === 'sequence' ? (advantages[index] ?? null) : null,
    });
  });
}
