import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { IapoError, messageOf } from '../errors.js';
import { parseTrajectoryRecord, type TrajectoryRecord } from './trajectory-record.js';

const namePattern = /^step-(\d+)\.jsonl$/;

/** One file a step, so that a resumed run replaces those that it makes again. */
function trajectoryFileName(step: number): string {
  return `step-${String(step).padStart(9, '0')}.jsonl`;
}

/**
 * Writes a step's trajectories into a run folder: whole, or not at all.
 *
 * @throws {IapoError} `file-system`, e.g. on a full disk.
 */
export async function writeTrajectories(
  runFolder: string,
  step: number,
  records: readonly TrajectoryRecord[],
): Promise<void> {
  const folder = join(runFolder, 'trajectories');
  const path = join(folder, trajectoryFileName(step));
  try {
    await mkdir(folder, { recursive: true });
    const file = await open(`${path}.tmp`, 'w');
    try {
      await file.writeFile(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.tmp`, path);
  } catch (cause) {
    throw new IapoError('file-system', `Cannot write ${path}: ${messageOf(cause)}.`, { cause });
  }
}

/** Steps that have trajectories, ascending. */
export async function listTrajectorySteps(runFolder: string): Promise<number[]> {
  const names = await readdir(join(runFolder, 'trajectories')).catch(() => []);
  return names
    .flatMap((name) => {
      const step = namePattern.exec(name)?.[1];
      return step === undefined ? [] : [Number(step)];
    })
    .sort((a, b) => a - b);
}

/** The trajectories of a step, in the order in which they were kept. */
export async function readTrajectories(
  runFolder: string,
  step: number,
): Promise<TrajectoryRecord[]> {
  const path = join(runFolder, 'trajectories', trajectoryFileName(step));
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new IapoError('run-damaged', `Cannot read ${path}: ${messageOf(cause)}.`, { cause });
  });
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, index) => parseTrajectoryRecord(line, `${path}, line ${index + 1}`));
}
