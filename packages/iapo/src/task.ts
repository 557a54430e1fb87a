import type { EpisodeTask } from '@iapo/vqa-tools';

/** A question about pictures, with what a right answer is. */
export interface IapoTask extends EpisodeTask {
  /** Right answers, as the scorer reads them. */
  readonly answers: string | number | readonly string[];
  /** The question alone, for scorers with a judge and for reports. */
  readonly question?: string;
  /** Tools that this task offers. Default: all of the run. */
  readonly toolNames?: readonly string[];
}
