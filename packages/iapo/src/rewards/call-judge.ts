import type { ExecutedCall } from '@iapo/vqa-tools';
import type { IapoTask } from '../task.js';
import type { EpisodeReward } from './episode-reward.js';

/** Scores one tool call in [0, 1]; `null` when it cannot say. */
export type CallJudge = (
  call: ExecutedCall,
  task: IapoTask,
) => Promise<number | null> | number | null;

/**
 * The mean of a judge's scores of an episode's calls, as TRM rewards calls (openreview LnBEASInVr); `null` for an
 * episode without a call. TRM's judge is a trained reward model; here it is any function, such as
 * `modelCallJudge(server)`.
 */
export function callJudge(judge: CallJudge): EpisodeReward {
  return {
    name: 'call_judge',
    values: (inputs) =>
      Promise.all(
        inputs.map(async ({ episode: { task, trajectory } }) => {
          const calls = trajectory.turns.flatMap((turn) => turn.calls);
          const scores = await Promise.all(calls.map((call) => judge(call, task)));
          const known = scores.filter((score) => score !== null);
          return known.length === 0
            ? null
            : known.reduce((sum, score) => sum + score, 0) / known.length;
        }),
      ),
  };
}
