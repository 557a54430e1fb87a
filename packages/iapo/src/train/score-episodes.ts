import {
  type AnswerExtractor,
  type AnswerExtractorName,
  answerExtractors,
  type Scorer,
  type ScorerName,
  scorers,
} from '@iapo/vqa-tools';
import { IapoError, lookUp, messageOf } from '../errors.js';
import type { PlayedEpisode } from '../model/play-episodes.js';

export interface ScoreOptions {
  /** Default `chartqa`, relaxed accuracy. */
  readonly scorer?: ScorerName | Scorer;
  /** How the answer is taken out of the last turn. Default `vtool-v2-eval`: a marked answer, else all of it. */
  readonly extractor?: AnswerExtractorName | AnswerExtractor;
  /** A scorer that throws stops the run (default), or gives `null`, counted. */
  readonly onScoreError?: 'stop' | 'unscorable';
}

export interface EpisodeScore {
  readonly outcome: number | null;
  /** What was scored; `null` where the episode has no answer. */
  readonly answer: string | null;
  /** Why there is no outcome. */
  readonly reason: string | null;
}

/**
 * Scores the answers of episodes. An episode that used up its turns or tokens has not answered, which is wrong (0);
 * one that was cut by the clock cannot be scored (`null`), since a faster machine might have had an answer.
 */
export async function scoreEpisodes(
  episodes: readonly PlayedEpisode<unknown>[],
  options: ScoreOptions = {},
): Promise<EpisodeScore[]> {
  const scorer = lookUp<Scorer>('scorer', scorers, options.scorer ?? 'chartqa');
  const { extractor = 'vtool-v2-eval', onScoreError = 'stop' } = options;
  const extract =
    typeof extractor === 'function'
      ? extractor
      : lookUp<AnswerExtractor>('extractor', answerExtractors, extractor);
  return Promise.all(
    episodes.map(async ({ task, trajectory }): Promise<EpisodeScore> => {
      if (trajectory.end === 'time-limit') {
        return { outcome: null, answer: null, reason: 'the episode ran out of time' };
      }
      if (trajectory.answer === null) return { outcome: 0, answer: null, reason: null };
      const answer = extract(trajectory.answer);
      try {
        const { score, reason } = await scorer.score({
          prediction: answer ?? '',
          answers: task.answers,
          ...(task.question === undefined ? {} : { question: task.question }),
        });
        return { outcome: score, answer, reason: score === null ? (reason ?? 'unscorable') : null };
      } catch (error) {
        if (onScoreError === 'unscorable') {
          return { outcome: null, answer, reason: messageOf(error) };
        }
        throw new IapoError(
          'model-output',
          `The scorer "${scorer.name}" failed on task "${task.id}": ${messageOf(error)} Pass \`onScoreError: 'unscorable'\` to leave such samples out.`,
          { cause: error },
        );
      }
    }),
  );
}
