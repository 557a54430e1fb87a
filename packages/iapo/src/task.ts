import type { EpisodeTask } from '@iapo/vqa-tools';
import { IapoError } from './errors.js';

/** A question about pictures, with what a right answer is. */
export interface IapoTask extends EpisodeTask {
  /** Right answers, as the scorer reads them. */
  readonly answers: string | number | readonly string[];
  /** The question alone, for scorers with a judge and for reports. */
  readonly question?: string;
  /** Tools that this task offers. Default: all of the run. */
  readonly toolNames?: readonly string[];
}

/** Tasks by position, made when they are needed: an array fits, and so does a data set whose pictures stay encoded. */
export interface TaskSource {
  readonly length: number;
  at(index: number): Promise<IapoTask> | IapoTask | undefined;
}

/** @throws {IapoError} `missing-input` for a position that the source does not have. */
export async function taskAt(tasks: TaskSource, index: number): Promise<IapoTask> {
  const task = await tasks.at(index);
  if (task === undefined) {
    throw new IapoError('missing-input', `There is no task ${index}; there are ${tasks.length}.`);
  }
  return task;
}
