import type { EpisodePolicy } from './policy.js';
import { type EpisodeOptions, type EpisodeTask, runEpisode } from './run-episode.js';
import { hashPixels } from './save-trajectory.js';
import type { Trajectory } from './trajectory.js';

/** Where a replay came out differently; `null` values mean that one side has nothing there. */
export interface ReplayDifference {
  readonly what: 'end' | 'turns' | 'images' | 'image';
  readonly index: number | null;
  readonly expected: string | null;
  readonly got: string | null;
}

/**
 * Plays a trajectory again: the model's recorded tokens, the tools anew. An empty list means that
 * the tools gave the same images and the episode the same end.
 */
export async function replayEpisode(
  trajectory: Trajectory,
  task: EpisodeTask,
  options: EpisodeOptions = {},
): Promise<readonly ReplayDifference[]> {
  const replayed = await runEpisode(recordedPolicy(trajectory), task, {
    ...options,
    seed: trajectory.seed,
  });
  const differences: ReplayDifference[] = [];
  const compare = (
    what: ReplayDifference['what'],
    index: number | null,
    expected: string | null,
    got: string | null,
  ): void => {
    if (expected !== got) differences.push({ what, index, expected, got });
  };
  compare('end', null, trajectory.end, replayed.end);
  compare('turns', null, String(trajectory.turns.length), String(replayed.turns.length));
  compare('images', null, String(trajectory.images.length), String(replayed.images.length));
  for (const [index, image] of trajectory.images.entries()) {
    const other = replayed.images[index];
    compare('image', index, hashPixels(image), other === undefined ? null : hashPixels(other));
  }
  return differences;
}

function recordedPolicy(trajectory: Trajectory): EpisodePolicy {
  const segmentOf = (author: 'model' | 'tool', turn: number) =>
    trajectory.segments.find((segment) => segment.author === author && segment.turn === turn);
  let turnNow = 0;
  return {
    begin: async () => ({
      promptTokenIds: trajectory.promptTokenIds,
      generate: async ({ turn }) => {
        turnNow = turn;
        const { text = '', tokenIds = [], logprobs = [] } = segmentOf('model', turn) ?? {};
        const finishReason = trajectory.turns[turn]?.finishReason ?? 'stop';
        return { text, tokenIds, logprobs, finishReason };
      },
      observe: async () => segmentOf('tool', turnNow)?.tokenIds ?? [],
    }),
  };
}
