import { link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { RlError } from '../errors.js';
import { systemCode, withFileErrors } from './durable-files.js';

/** Who holds a run folder. `startedAt` tells a process from a later one with the same number. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly startedAt: string | null;
}

/** When the process started, in the kernel's clock ticks since boot; null where the system does not say. */
async function processStart(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may contain spaces; field 22 counts from after it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null; // Not Linux, or the process is gone; the caller asks for its existence apart.
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

async function isAlive(holder: Holder): Promise<boolean> {
  // Another machine's processes cannot be asked, so its lock stands.
  if (holder.host !== hostname()) return true;
  if (!exists(holder.pid)) return false;
  if (holder.startedAt === null) return true;
  return (await processStart(holder.pid)) === holder.startedAt;
}

async function readHolder(path: string): Promise<{ text: string; holder: Holder } | null> {
  try {
    const text = await readFile(path, 'utf8');
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'pid' in value && 'host' in value) {
      const startedAt = 'startedAt' in value ? value.startedAt : null;
      return {
        text,
        holder: {
          pid: Number(value.pid),
          host: String(value.host),
          startedAt: typeof startedAt === 'string' ? startedAt : null,
        },
      };
    }
    return null;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** A held lock. */
export interface RunLock {
  /** True when a dead process had left its lock. */
  readonly wasStale: boolean;
  readonly release: () => Promise<void>;
}

/**
 * Takes the lock of a run folder: a file that appears whole or not at all. A dead process's lock is replaced.
 *
 * @throws {RlError} `run-locked`, naming the process that holds it.
 */
export async function lockRun(folder: string): Promise<RunLock> {
  const path = join(folder, 'lock');
  const own: Holder = {
    pid: process.pid,
    host: hostname(),
    startedAt: await processStart(process.pid),
  };
  const text = `${JSON.stringify(own)}\n`;
  const temporary = join(folder, `lock.${process.pid}.tmp`);
  return withFileErrors('lock', folder, async () => {
    await writeFile(temporary, text);
    try {
      let wasStale = false;
      // Two rounds suffice unless other processes keep taking the lock in between; then they hold it.
      for (let round = 0; round < 3; round += 1) {
        if (await tryLink(temporary, path)) {
          await sweep(folder);
          return { wasStale, release: () => release(path, text) };
        }
        const current = await readHolder(path);
        if (current === null) continue;
        if (await isAlive(current.holder)) throw lockedError(folder, current.holder);
        wasStale = true;
        await discard(path, current.text);
      }
      throw lockedError(folder, (await readHolder(path))?.holder ?? own);
    } finally {
      await rm(temporary, { force: true });
    }
  });
}

// The process's number stands in the name, so that only what a dead process left is removed.
const LEFT_BEHIND = /^lock\.(?:stale\.)?(\d+)\.tmp$/;

/** Removes what processes that were killed while locking left behind. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = Number(LEFT_BEHIND.exec(name)?.[1]);
    if (Number.isInteger(pid) && pid !== process.pid && !exists(pid)) {
      await rm(join(folder, name), { force: true });
    }
  }
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Moves a stale lock away, and back if another process took the lock meanwhile. */
async function discard(path: string, staleText: string): Promise<void> {
  const aside = `${path}.stale.${process.pid}.tmp`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  if ((await readFile(aside, 'utf8')) !== staleText) await tryLink(aside, path);
  await rm(aside, { force: true });
}

async function release(path: string, text: string): Promise<void> {
  const current = await readHolder(path);
  if (current?.text === text) await rm(path, { force: true });
}

function lockedError(folder: string, holder: Holder): RlError {
  return new RlError(
    'run-locked',
    `The run folder ${folder} is in use by process ${holder.pid} on ${holder.host}. Wait for it, or choose another folder; if that machine is gone, delete ${join(folder, 'lock')}.`,
    { details: { folder, ...holder } },
  );
}
