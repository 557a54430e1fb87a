import { resolve } from 'node:path';
import { type EpisodeMessage, readDataset, type VqaExample, VqaToolError } from '@iapo/vqa-tools';
import type { DataSource } from '../config/iapo-config.js';
import { IapoError } from '../errors.js';
import type { IapoTask, TaskSource } from '../task.js';

/** Tasks of a data set, and what was left out of it. */
export interface ReadTasks extends TaskSource {
  /** Rows that could not be read, with `onBadRow: 'skip'`. */
  readonly skippedRows: number;
}

/**
 * Reads the questions of data sets. Pictures stay as they are in their files until their task is drawn.
 *
 * @param folder Paths are relative to it.
 * @throws {VqaToolError} `bad-row` with file and row, `unknown-format`, `bad-argument` when no file matches.
 * @throws {IapoError} `missing-input` for a data set without a single question.
 */
export async function readTasks(source: DataSource, folder: string): Promise<ReadTasks> {
  const { files, format, imageFolder, limit, onBadRow = 'throw', system } = source;
  const examples: VqaExample[] = [];
  let skippedRows = 0;
  for (const pattern of typeof files === 'string' ? [files] : files) {
    const left = limit === undefined ? undefined : limit - examples.length;
    if (left === 0) break;
    const dataset = readDataset(resolve(folder, pattern), {
      onBadRow,
      ...(format === undefined ? {} : { format }),
      ...(imageFolder === undefined ? {} : { imageFolder: resolve(folder, imageFolder) }),
      ...(left === undefined ? {} : { limit: left }),
    });
    examples.push(...(await dataset.toArray()));
    skippedRows += dataset.statistics.skipped;
  }
  if (examples.length === 0) {
    throw new IapoError('missing-input', `There is no question in ${String(files)}.`);
  }
  return {
    length: examples.length,
    skippedRows,
    at: (index) => {
      const example = examples[index];
      return example === undefined ? undefined : toTask(example, system);
    },
  };
}

async function toTask(example: VqaExample, system: string | undefined): Promise<IapoTask> {
  const { id, question, answers, metadata, source } = example;
  const images = await Promise.all(
    example.images.map(async (image) => ({ type: 'image' as const, image: await image.decode() })),
  ).catch((cause: unknown) => {
    if (!(cause instanceof VqaToolError)) throw cause;
    throw new IapoError(
      'missing-input',
      `The picture of row ${source.row} of ${source.file} cannot be used: ${cause.message}`,
      { cause },
    );
  });
  const request: EpisodeMessage = {
    role: 'user',
    content: [...images, { type: 'text', text: question }],
  };
  const instructions: EpisodeMessage[] =
    system === undefined ? [] : [{ role: 'system', content: [{ type: 'text', text: system }] }];
  return {
    id,
    question,
    answers,
    messages: [...instructions, request],
    ...(metadata === undefined ? {} : { metadata }),
  };
}
