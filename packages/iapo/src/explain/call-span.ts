import type { PlayedEpisode } from '../model/play-episodes.js';

/** True for an episode whose first turn means a tool call, also one that cannot be read or fails. */
export function attemptsCall({ trajectory }: Pick<PlayedEpisode<unknown>, 'trajectory'>): boolean {
  const first = trajectory.turns[0];
  return first !== undefined && first.parse.failure?.kind !== 'no-call';
}

/**
 * One weight a token of the first turn: 1 for those that hold characters of its calls, all of them when the call
 * could not be read.
 *
 * @param texts Text of each token.
 */
export function callWeights(
  { trajectory }: Pick<PlayedEpisode<unknown>, 'trajectory'>,
  texts: readonly string[],
): number[] {
  const spans = (trajectory.turns[0]?.calls ?? []).map(({ call }) => call.spans.call);
  let start = 0;
  const weights = texts.map((text) => {
    const end = start + text.length;
    const holds = spans.some((span) => span.start < end && start < span.end);
    start = end;
    return holds ? 1 : 0;
  });
  return weights.some((weight) => weight > 0) ? weights : texts.map(() => 1);
}
