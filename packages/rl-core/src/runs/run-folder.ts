import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RlError } from '../errors.js';
import type { NamedArrays } from '../optimizers/types.js';
import {
  type SummaryValue,
  scanRecords,
  summaryRecord,
  versionRecord,
} from '../tensorboard/records.js';
import { AppendFile, scanLines } from './append-file.js';
import {
  type Checkpoint,
  latestCheckpoint,
  listCheckpoints,
  pruneCheckpoints,
  type RefusedCheckpoint,
  saveCheckpoint,
} from './checkpoint.js';
import { createFolder, readIfPresent, replaceFile, withFileErrors } from './durable-files.js';
import { lockRun, type RunLock } from './lock.js';

// TensorBoard looks for "tfevents" in the name; without time and host in it, two equal runs have equal files.
const TENSORBOARD_FILE = 'events.out.tfevents.0.rl-core';

/** The checkpoint of greatest value so far. */
interface Best {
  readonly step: number;
  readonly value: number;
}

/** What the folder itself keeps in a checkpoint, beside the caller's state. */
interface FolderState {
  readonly events: number;
  readonly tensorboard: number;
  readonly best: Best | null;
  readonly run: unknown;
}

export interface RunFolderOptions {
  /** Plain JSON that says what the run is; a resumed run must have the same. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Continue what is there (or start, when nothing is). Default false: an existing run is an error. */
  readonly resume?: boolean;
  /** Milliseconds since 1970, for wall-clock fields only. */
  readonly clock: () => number;
  /** Newest checkpoints to keep besides the best. Default 2. */
  readonly keepCheckpoints?: number;
}

/** How a run folder was found. */
export interface OpenedRun {
  /** Where to continue, or null for a new run. */
  readonly checkpoint: Checkpoint | null;
  /** Damaged checkpoints that were set aside. */
  readonly refused: readonly RefusedCheckpoint[];
  /** True when the process before this one ended without giving its lock back. */
  readonly wasInterrupted: boolean;
}

/**
 * One run on disk: `config.json`, `events.jsonl`, `sessions.jsonl` (who ran it when, and what was refused),
 * `tensorboard/`, `checkpoints/`, and `lock` while a process works on it.
 */
export class RunFolder {
  readonly path: string;
  readonly opened: OpenedRun;
  readonly #lock: RunLock;
  readonly #events: AppendFile;
  readonly #tensorboard: AppendFile;
  readonly #clock: () => number;
  readonly #keep: number;
  #best: Best | null;

  private constructor(
    path: string,
    parts: {
      opened: OpenedRun;
      lock: RunLock;
      events: AppendFile;
      tensorboard: AppendFile;
      best: Best | null;
      options: RunFolderOptions;
    },
  ) {
    this.path = path;
    this.opened = parts.opened;
    this.#lock = parts.lock;
    this.#events = parts.events;
    this.#tensorboard = parts.tensorboard;
    this.#best = parts.best;
    this.#clock = parts.options.clock;
    this.#keep = parts.options.keepCheckpoints ?? 2;
  }

  /**
   * Locks the folder, finds the newest whole checkpoint, and cuts events written after it.
   * @throws {RlError} `run-locked`, `run-exists`, `config-mismatch`, `checkpoint-damaged`, `events-damaged`,
   * `disk-full`, `folder-not-writable`.
   */
  static async open(path: string, options: RunFolderOptions): Promise<RunFolder> {
    await createFolder(path);
    const lock = await lockRun(path);
    try {
      // What a crash left of replacing these files; the lock is ours.
      for (const name of ['config.json.tmp', 'sessions.jsonl.tmp']) {
        await rm(join(path, name), { force: true });
      }
      await settleConfig(path, options);
      const checkpoints = join(path, 'checkpoints');
      await createFolder(checkpoints);
      await createFolder(join(path, 'tensorboard'));
      const { checkpoint, refused } = await latestCheckpoint(checkpoints);
      for (const { path: damaged } of refused) await setAside(damaged);
      // Written by `save` below; its hash has been compared.
      const state = checkpoint === null ? null : (checkpoint.state as FolderState);
      const events = await AppendFile.open(
        join(path, 'events.jsonl'),
        state?.events ?? 0,
        scanLines,
      );
      const tensorboard = await AppendFile.open(
        join(path, 'tensorboard', TENSORBOARD_FILE),
        state?.tensorboard ?? 0,
        scanRecords,
      );
      if (tensorboard.count === 0) tensorboard.append(versionRecord(options.clock() / 1000));
      const opened: OpenedRun = {
        checkpoint: checkpoint === null ? null : { ...checkpoint, state: state?.run },
        refused,
        wasInterrupted: lock.wasStale,
      };
      const best = state?.best ?? null;
      const run = new RunFolder(path, { opened, lock, events, tensorboard, best, options });
      await run.#prune();
      await run.#logSession();
      return run;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Adds a line to `events.jsonl`; `flush` writes it. */
  addEvent(event: Readonly<Record<string, unknown>>): void {
    this.#events.append(Buffer.from(`${JSON.stringify(event)}\n`));
  }

  /** Adds a step's values for TensorBoard; `flush` writes them. */
  addSummary(step: number, values: readonly SummaryValue[]): void {
    if (values.length > 0) {
      this.#tensorboard.append(summaryRecord(this.#clock() / 1000, step, values));
    }
  }

  /** Hands events and summaries to the operating system, where they survive the process. */
  async flush(): Promise<void> {
    await this.#events.flush();
    await this.#tensorboard.flush();
  }

  /**
   * Saves a checkpoint, with the events up to here on the disk before it.
   * @param value Larger is better; the best is kept. Null when there is nothing to compare.
   * @returns Its path.
   */
  async save(
    step: number,
    state: unknown,
    arrays: Readonly<Record<string, NamedArrays>>,
    value: number | null,
  ): Promise<string> {
    await this.#events.sync();
    await this.#tensorboard.sync();
    if (value !== null && (this.#best === null || value > this.#best.value)) {
      this.#best = { step, value };
    }
    const folderState: FolderState = {
      events: this.#events.count,
      tensorboard: this.#tensorboard.count,
      best: this.#best,
      run: state,
    };
    const checkpoint = { step, state: folderState, arrays };
    const path = await saveCheckpoint(join(this.path, 'checkpoints'), checkpoint);
    await this.#prune();
    return path;
  }

  /** Writes what is pending and gives the lock back. */
  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      await Promise.allSettled([this.#events.close(), this.#tensorboard.close()]);
      await this.#lock.release();
    }
  }

  async #prune(): Promise<void> {
    const folder = join(this.path, 'checkpoints');
    const steps = await listCheckpoints(folder);
    const keep = new Set(steps.slice(-this.#keep));
    if (this.#best !== null) keep.add(this.#best.step);
    await pruneCheckpoints(folder, keep);
  }

  async #logSession(): Promise<void> {
    const { checkpoint, refused, wasInterrupted } = this.opened;
    const path = join(this.path, 'sessions.jsonl');
    const entry = {
      time: new Date(this.#clock()).toISOString(),
      pid: process.pid,
      resumedFrom: checkpoint?.step ?? null,
      wasInterrupted,
      refused,
    };
    const before = (await readIfPresent(path)) ?? Buffer.alloc(0);
    const whole = before.subarray(0, before.lastIndexOf(0x0a) + 1);
    await replaceFile(path, Buffer.concat([whole, Buffer.from(`${JSON.stringify(entry)}\n`)]));
  }
}

/** Writes the configuration of a new run, or compares it with that of the run to continue. */
async function settleConfig(path: string, options: RunFolderOptions): Promise<void> {
  const file = join(path, 'config.json');
  const text = `${JSON.stringify(options.config, null, 2)}\n`;
  const existing = await readIfPresent(file);
  if (existing === null) {
    await replaceFile(file, Buffer.from(text));
    return;
  }
  if (options.resume !== true) {
    throw new RlError(
      'run-exists',
      `There is already a run in ${path}. Pass \`resume: true\` to continue it, or choose another folder.`,
      { details: { path } },
    );
  }
  if (existing.toString() === text) return;
  const changed = changedKeys(existing.toString(), options.config);
  throw new RlError(
    'config-mismatch',
    `The run in ${path} was started with another configuration; different: ${changed.join(', ')}. Resume with the same one, or choose another folder.`,
    { details: { path, changed } },
  );
}

function changedKeys(text: string, config: Readonly<Record<string, unknown>>): string[] {
  let stored: unknown;
  try {
    stored = JSON.parse(text);
  } catch {
    return ['the file is not JSON'];
  }
  const before = typeof stored === 'object' && stored !== null ? Object.entries(stored) : [];
  const byKey = new Map<string, string | undefined>(
    before.map(([key, value]) => [key, JSON.stringify(value)]),
  );
  const keys = new Set([...byKey.keys(), ...Object.keys(config)]);
  return [...keys].filter((key) => byKey.get(key) !== JSON.stringify(config[key]));
}

/** Keeps a damaged checkpoint for inspection, out of the way of the one that will replace it. */
async function setAside(path: string): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    const target = `${path}.damaged-${attempt}`;
    if ((await readIfPresent(join(target, 'manifest.json'))) !== null) continue;
    await withFileErrors('rename', path, () => rename(path, target));
    return;
  }
}
