import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { IapoError, messageOf } from '../errors.js';
import type { RecordedIapoEvent } from '../train/events.js';

/** A recorded event with what a reader may want of its clock. */
export type StoredEvent = RecordedIapoEvent & {
  readonly clock: {
    readonly time: string;
    readonly elapsedMs: number;
    readonly phases?: Readonly<Record<string, number>>;
  };
};

/** A run as it lies on disk, without its trajectories. */
export interface StoredRun {
  readonly folder: string;
  /** Name of the folder. */
  readonly name: string;
  readonly label: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly events: readonly StoredEvent[];
  /** Last lines that a crash left unfinished. */
  readonly unfinishedLines: number;
}

const metrics = z.record(z.string(), z.number().nullable());
const clock = z.looseObject({
  time: z.string(),
  elapsedMs: z.number(),
  phases: z.record(z.string(), z.number()).optional(),
});
const shares = z.record(z.string(), z.number());
const base = { step: z.number(), clock };
const eventSchema = z.discriminatedUnion('type', [
  z.looseObject({ ...base, type: z.literal('rollout-end'), episodes: z.number(), metrics }),
  z.looseObject({
    ...base,
    type: z.literal('explanations-end'),
    distinctCalls: z.number(),
    chosen: z.number(),
    missing: z.record(z.string(), z.number()),
    failures: z.array(z.looseObject({ taskId: z.string(), reason: z.string() })),
  }),
  z.looseObject({ ...base, type: z.literal('warning'), code: z.string(), message: z.string() }),
  z.looseObject({ ...base, type: z.literal('update-end'), update: z.number(), metrics }),
  z.looseObject({
    ...base,
    type: z.literal('update-skipped'),
    reason: z.string(),
    message: z.string(),
  }),
  z.looseObject({
    ...base,
    type: z.literal('step-end'),
    metrics,
    blocks: z.object({ student: shares, teacher: shares }).nullable(),
  }),
  z.looseObject({ ...base, type: z.literal('run-end') }),
]);

/**
 * Reads a run's configuration and events.
 *
 * @throws {IapoError} `run-not-found` for a folder that holds none, `run-damaged` naming file and line.
 */
export async function readRun(folder: string): Promise<StoredRun> {
  const configText = await readFile(join(folder, 'config.json'), 'utf8').catch((cause: unknown) => {
    throw new IapoError(
      'run-not-found',
      `There is no run in ${folder}: cannot read config.json (${messageOf(cause)}).`,
      { cause },
    );
  });
  const config = parseJson(configText, join(folder, 'config.json'));
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new IapoError('run-damaged', `${join(folder, 'config.json')} holds no object.`);
  }
  const path = join(folder, 'events.jsonl');
  // A run that was stopped in its first step has none.
  const lines = (await readFile(path, 'utf8').catch(() => '')).split('\n');
  // What comes after the last newline was cut off by a crash.
  const unfinished = lines.pop() ?? '';
  const events = lines.map((line, index) => parseEvent(line, `${path}, line ${index + 1}`));
  const name = basename(resolve(folder));
  return {
    folder,
    name,
    label: 'label' in config && typeof config.label === 'string' ? config.label : name,
    config: { ...config },
    events,
    unfinishedLines: unfinished === '' ? 0 : 1,
  };
}

function parseEvent(line: string, where: string): StoredEvent {
  const parsed = eventSchema.safeParse(parseJson(line, where));
  if (!parsed.success) {
    throw new IapoError(
      'run-damaged',
      `${where}: not an event of \`trainIapo\`. ${z.prettifyError(parsed.error)}`,
      { cause: parsed.error },
    );
  }
  // The schema has checked what readers rely on; the rest is carried as it was written.
  return parsed.data as unknown as StoredEvent;
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new IapoError('run-damaged', `${where}: not JSON.`, { cause });
  }
}
