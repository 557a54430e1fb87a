import type { EpisodeReward } from './episode-reward.js';

/**
 * 1 for an episode with a tool call that could not be read or failed, else 0. With a negative weight this is ToRL's
 * penalty (2503.23383) as the IAPO paper compares with it; ToRL tries −0.5.
 */
export const toolFailure: EpisodeReward = {
  name: 'tool_failure',
  values: (inputs) =>
    inputs.map(({ episode }) => {
      const { failedCalls, failedParses } = episode.trajectory.counts;
      return failedCalls + failedParses > 0 ? 1 : 0;
    }),
};
