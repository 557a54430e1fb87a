import type { PlayedEpisode } from '../model/play-episodes.js';

/** What a reward sees of one rollout. */
export interface EpisodeRewardInput<Prompt> {
  readonly episode: PlayedEpisode<Prompt>;
  /** The scorer's verdict. */
  readonly outcome: number | null;
}

/** A further part of the reward: any function of episodes. */
export interface EpisodeReward<Prompt = unknown> {
  readonly name: string;
  /** One value an episode; `null` where there is nothing to say, which counts as no reward and is logged. */
  values(
    inputs: readonly EpisodeRewardInput<Prompt>[],
    context: { readonly step: number; readonly signal: AbortSignal | undefined },
  ): Promise<readonly (number | null)[]> | readonly (number | null)[];
}

/** A part of the reward with its weight, which may be negative. */
export interface WeighedReward<Prompt = unknown> {
  readonly weight: number;
  readonly reward: EpisodeReward<Prompt>;
}
