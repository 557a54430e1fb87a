import { IapoError } from '../errors.js';
import type { PlayedEpisode } from '../model/play-episodes.js';
import type { RewardPart } from '../reward/combine-rewards.js';
import type { WeighedReward } from '../rewards/episode-reward.js';
import type { EpisodeScore } from './score-episodes.js';

/** The further parts of the reward, one value an episode each. */
export async function furtherParts<Prompt>(
  rewards: readonly WeighedReward<Prompt>[],
  episodes: readonly PlayedEpisode<Prompt>[],
  scores: readonly EpisodeScore[],
  context: { readonly step: number; readonly signal: AbortSignal | undefined },
): Promise<RewardPart[]> {
  const inputs = episodes.map((episode, i) => ({ episode, outcome: scores[i]?.outcome ?? null }));
  return Promise.all(
    rewards.map(async ({ weight, reward }) => {
      const values = await reward.values(inputs, context);
      if (values.length !== inputs.length) {
        throw new IapoError(
          'model-output',
          `Reward "${reward.name}" gave ${values.length} values for ${inputs.length} episodes.`,
        );
      }
      return { name: reward.name, weight, values };
    }),
  );
}
