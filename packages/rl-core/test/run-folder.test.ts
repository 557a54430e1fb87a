import { spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  AdamW,
  listCheckpoints,
  loadCheckpoint,
  RlError,
  RunFolder,
  saveCheckpoint,
  type TrainEvent,
  type TrainOptions,
  train,
} from '../src/index.js';
import { withFileErrors } from '../src/runs/durable-files.js';
import { type BanditSequence, contexts, share, tabularPolicy } from './bandits.js';
import { bitwiseCrc32c, contentOf, readRecords } from './run-files.js';
import { bundleWorker, endOf, start } from './worker.js';

let worker = '';
beforeAll(async () => {
  worker = await bundleWorker();
});
afterAll(() => rmSync(dirname(worker), { recursive: true, force: true }));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rl-core-run-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Options = Partial<TrainOptions<number, BanditSequence>>;

async function runIn(path: string, more: Options = {}): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  const run = train({
    policy: tabularPolicy(),
    prompts: contexts,
    rewards: { share },
    steps: 6,
    promptsPerStep: 2,
    samplesPerPrompt: 4,
    optimizer: new AdamW(),
    learningRate: 0.1,
    seed: 4,
    runFolder: path,
    checkpointEvery: 1,
    ...more,
  });
  for await (const event of run) events.push(event);
  return events;
}

async function failure(action: Promise<unknown>): Promise<RlError> {
  const error = await action.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof RlError) return error;
  throw new Error(`expected an RlError, got ${String(error)}`);
}

const checkpointsOf = (path: string): string => join(path, 'checkpoints');

/** Flips one bit in the middle of a file. */
function damage(path: string): void {
  const bytes = readFileSync(path);
  const middle = bytes.length >> 1;
  bytes[middle] = bytes[middle]! ^ 1;
  writeFileSync(path, bytes);
}

describe('a run folder', () => {
  it('holds config, events, sessions, TensorBoard and the last and best checkpoints', async () => {
    const path = join(folder, 'run');
    const events = await runIn(path, { keepCheckpoints: 2 });
    expect(readdirSync(path).sort()).toEqual([
      'checkpoints',
      'config.json',
      'events.jsonl',
      'sessions.jsonl',
      'tensorboard',
    ]);
    const steps = await listCheckpoints(checkpointsOf(path));
    const rewards = events.flatMap((e) => (e.type === 'step-end' ? [e.metrics.reward ?? 0] : []));
    const best = 1 + rewards.indexOf(Math.max(...rewards));
    expect(steps).toEqual([...new Set([best, 5, 6])].sort((a, b) => a - b));
    const written = readFileSync(join(path, 'events.jsonl'), 'utf8').trim().split('\n');
    const recorded = events.filter(
      ({ type }) => type !== 'run-start' && type !== 'checkpoint-saved',
    );
    expect(written.map((line) => JSON.parse(line))).toEqual(JSON.parse(JSON.stringify(recorded)));
  });

  it('continues a run that was left in the middle to the same bytes', async () => {
    const whole = join(folder, 'whole');
    const broken = join(folder, 'broken');
    await runIn(whole);
    const run = train({
      policy: tabularPolicy(),
      prompts: contexts,
      rewards: { share },
      steps: 6,
      promptsPerStep: 2,
      samplesPerPrompt: 4,
      optimizer: new AdamW(),
      learningRate: 0.1,
      seed: 4,
      runFolder: broken,
      checkpointEvery: 1,
    });
    // Leaves in the middle of step 4, after its rollout.
    for await (const event of run) if (event.type === 'rollout-end' && event.step === 4) break;
    expect(existsSync(join(broken, 'lock'))).toBe(false);
    const events = await runIn(broken, { resume: true });
    expect(events[0]).toMatchObject({ type: 'run-start', resumedFrom: 3 });
    expect(contentOf(broken)).toEqual(contentOf(whole));
  });

  it('refuses a damaged checkpoint, takes the one before, says so, and ends the same', async () => {
    const whole = join(folder, 'whole');
    const path = join(folder, 'run');
    await runIn(whole);
    await runIn(path, { steps: 6 });
    damage(join(checkpointsOf(path), 'step-000000006', 'policy.safetensors'));
    const events = await runIn(path, { resume: true });
    expect(events[0]).toMatchObject({ type: 'checkpoint-refused', step: 6 });
    expect(events[0]).toHaveProperty('reason', expect.stringContaining('another SHA-256'));
    expect(events[1]).toMatchObject({ type: 'run-start', resumedFrom: 5 });
    const sessions = readFileSync(join(path, 'sessions.jsonl'), 'utf8').trim().split('\n');
    expect(JSON.parse(sessions[1]!)).toMatchObject({ resumedFrom: 5, refused: [{ step: 6 }] });
    const aside = join(checkpointsOf(path), 'step-000000006.damaged-0');
    expect(existsSync(aside)).toBe(true);
    rmSync(aside, { recursive: true });
    expect(contentOf(path)).toEqual(contentOf(whole));
  });

  it('does not start over when every checkpoint is damaged', async () => {
    const path = join(folder, 'run');
    await runIn(path, { steps: 2 });
    for (const step of await listCheckpoints(checkpointsOf(path))) {
      const name = `step-${String(step).padStart(9, '0')}`;
      writeFileSync(join(checkpointsOf(path), name, 'manifest.json'), '{');
    }
    const error = await failure(runIn(path, { steps: 2, resume: true }));
    expect(error.code).toBe('checkpoint-damaged');
    expect(error.message).toMatch(/All 2 checkpoints/);
  });

  it('refuses another configuration, and an existing run without resume', async () => {
    const path = join(folder, 'run');
    await runIn(path, { steps: 2 });
    expect((await failure(runIn(path, { steps: 2 }))).code).toBe('run-exists');
    const other = await failure(runIn(path, { steps: 2, resume: true, seed: 5, learningRate: 1 }));
    expect(other.code).toBe('config-mismatch');
    expect(other.message).toMatch(/different: seed, learningRate/);
  });

  it('refuses events that were cut behind its back', async () => {
    const path = join(folder, 'run');
    await runIn(path, { steps: 2 });
    truncateSync(join(path, 'events.jsonl'), 100);
    expect((await failure(runIn(path, { steps: 2, resume: true }))).code).toBe('events-damaged');
  });

  it('cuts half a line that a crash left behind', async () => {
    const path = join(folder, 'run');
    await runIn(path, { steps: 2 });
    const before = contentOf(path);
    appendFileSync(join(path, 'events.jsonl'), '{"type":"roll');
    await runIn(path, { steps: 2, resume: true });
    expect(contentOf(path)).toEqual(before);
  });

  it('refuses parameters of another size', async () => {
    const path = join(folder, 'run');
    await runIn(path, { steps: 2 });
    const policy = { ...tabularPolicy(), parameters: () => ({ table: new Float32Array(5) }) };
    const error = await failure(runIn(path, { steps: 2, resume: true, policy }));
    expect(error.message).toMatch(/"table" has 24 numbers, the policy's 5/);
  });
});

describe('the lock', () => {
  const config = { config: {}, clock: () => 0, resume: true };

  it('keeps a second process out and names the first', async () => {
    const run = await RunFolder.open(folder, config);
    const error = await failure(RunFolder.open(folder, config));
    expect(error.code).toBe('run-locked');
    expect(error.message).toContain(`process ${process.pid}`);
    await run.close();
    await (await RunFolder.open(folder, config)).close();
  });

  it('is taken over from a process that is gone', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => child.once('exit', resolve));
    const holder = { pid: child.pid, host: hostname(), startedAt: null };
    writeFileSync(join(folder, 'lock'), JSON.stringify(holder));
    const run = await RunFolder.open(folder, config);
    expect(run.opened.wasInterrupted).toBe(true);
    await run.close();
    expect(readdirSync(folder).filter((name) => name.startsWith('lock'))).toEqual([]);
  });

  it('is taken over from an earlier process with the number of a living one', async () => {
    const holder = { pid: process.pid, host: hostname(), startedAt: '1' };
    writeFileSync(join(folder, 'lock'), JSON.stringify(holder));
    const isLinux = existsSync('/proc/self/stat');
    if (!isLinux) return; // Only Linux tells when a process started.
    await (await RunFolder.open(folder, config)).close();
  });

  it('of another machine stands', async () => {
    const holder = { pid: 1, host: 'another-machine', startedAt: null };
    writeFileSync(join(folder, 'lock'), JSON.stringify(holder));
    expect((await failure(RunFolder.open(folder, config))).message).toContain('another-machine');
  });
});

describe('a disk that does not take it', () => {
  it('ends the run with a clear error when it is full; resumed, it ends as if nothing had been', async () => {
    const whole = join(folder, 'whole');
    const path = join(folder, 'run');
    const steps = '40';
    expect(await endOf(start(process.execPath, [worker, whole, steps]))).toMatchObject({ code: 0 });
    // `ulimit -f` bounds the size of files, here to 32 or 64 KiB, which the events pass on their way.
    const command = `ulimit -f 64; exec ${process.execPath} ${worker} ${path} ${steps}`;
    const { code, errors } = await endOf(start('bash', ['-c', command]));
    expect(code).toBe(1);
    expect(errors).toMatch(/Cannot append to .*: EFBIG\. Free some space and resume/);
    expect(existsSync(join(path, 'lock'))).toBe(false);
    expect((await listCheckpoints(checkpointsOf(path))).length).toBeGreaterThan(1);
    expect(await endOf(start(process.execPath, [worker, path, steps]))).toMatchObject({ code: 0 });
    expect(contentOf(path)).toEqual(contentOf(whole));
  });

  it.each([
    ['ENOSPC', 'disk-full'],
    ['EROFS', 'folder-not-writable'],
    ['EIO', 'file-system'],
  ])('calls %s %s', async (system, code) => {
    const cause = Object.assign(new Error(system), { code: system });
    const error = await failure(withFileErrors('write', 'x', () => Promise.reject(cause)));
    expect(error).toMatchObject({ code, cause });
    expect(error.message).toContain(`Cannot write x: ${system}`);
  });

  it('leaves no part of a checkpoint that did not fit', async () => {
    const path = join(folder, 'checkpoints');
    mkdirSync(path);
    const arrays = { policy: { table: new Float32Array(8).fill(1) } };
    await saveCheckpoint(path, { step: 1, state: {}, arrays });
    // A file that cannot be replaced by a folder stands in for a disk that fails on the way.
    const error = await failure(
      saveCheckpoint(join(path, 'step-000000001', 'state.json'), { step: 2, state: {}, arrays }),
    );
    expect(error.code).toBe('file-system');
    expect(await listCheckpoints(path)).toEqual([1]);
    expect((await loadCheckpoint(path, 1)).arrays).toEqual(arrays);
  });

  it('says so when the folder may not be written to', async () => {
    chmodSync(folder, 0o500);
    // The superuser may write anywhere, so the run is nobody's there.
    const isRoot = process.getuid?.() === 0;
    const child = start(
      process.execPath,
      [worker, join(folder, 'run'), '1'],
      isRoot ? { uid: 65534 } : {},
    );
    const { code, errors } = await endOf(child);
    chmodSync(folder, 0o700);
    expect(code).toBe(1);
    expect(errors).toMatch(/Cannot create .*: EACCES\. Choose a run folder/);
  });
});

describe('TensorBoard files', () => {
  it('have valid CRCs by an independent implementation, in every record', async () => {
    const path = join(folder, 'run');
    await runIn(path, {
      inspect: () => [
        { kind: 'text', tag: 'answer', text: 'forty-two' },
        { kind: 'image', tag: 'chart', png: Uint8Array.of(137, 80), width: 3, height: 2 },
      ],
    });
    const directory = join(path, 'tensorboard');
    const [file] = readdirSync(directory);
    const records = readRecords(readFileSync(join(directory, file!)));
    // The version record, then one a step.
    expect(records).toHaveLength(7);
    expect(records[0]!.toString('latin1')).toContain('brain.Event:2');
    expect(records[1]!.toString('latin1')).toContain('forty-two');
    expect(records[1]!.toString('latin1')).toContain('rewards/share/mean');
  });

  it('are checked by a CRC that knows the published test vector', () => {
    // RFC 3720 B.4: 32 bytes of zeros.
    expect(bitwiseCrc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(bitwiseCrc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  });
});

describe('a checkpoint', () => {
  it('is read by others: the arrays are safetensors', async () => {
    mkdirSync(join(folder, 'c'));
    const arrays = { policy: { a: Float32Array.of(1, 2), b: Float32Array.of(3) } };
    const path = await saveCheckpoint(join(folder, 'c'), { step: 1, state: null, arrays });
    const bytes = readFileSync(join(path, 'policy.safetensors'));
    const size = Number(bytes.readBigUInt64LE(0));
    expect(JSON.parse(bytes.toString('utf8', 8, 8 + size))).toEqual({
      a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] },
      b: { dtype: 'F32', shape: [1], data_offsets: [8, 12] },
    });
    expect(bytes.readFloatLE(8 + size + 8)).toBe(3);
  });

  it.each([
    ['a missing file', (path: string) => rmSync(join(path, 'state.json')), /state.json is missing/],
    ['a shorter file', (path: string) => truncateSync(join(path, 'state.json'), 1), /has 1 bytes/],
    ['a flipped bit', (path: string) => damage(join(path, 'policy.safetensors')), /SHA-256/],
    [
      'a broken manifest',
      (path: string) => writeFileSync(join(path, 'manifest.json'), '[]'),
      /valid/,
    ],
  ])('with %s is refused', async (_, spoil, message) => {
    const arrays = { policy: { a: Float32Array.of(1, 2) } };
    spoil(await saveCheckpoint(folder, { step: 7, state: {}, arrays }));
    const error = await failure(loadCheckpoint(folder, 7));
    expect(error.code).toBe('checkpoint-damaged');
    expect(error.message).toMatch(message);
  });
});
