import { Worker } from 'node:worker_threads';
import type { InferenceSession } from 'onnxruntime-node';
import type { PlainTensor } from './tensors.js';

/** What can be asked of the thread; `session` is the id of the request that created it. */
export type ThreadRequest =
  | { kind: 'create'; bytes: Uint8Array; options: InferenceSession.SessionOptions }
  | {
      kind: 'run';
      session: number;
      feeds: Record<string, PlainTensor>;
      /** Feeds that are handed over, and given back with the results. */
      lend: readonly string[];
    }
  | { kind: 'release'; session: number };

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** A handle on a thread that sessions share. */
export interface SessionThread {
  request(request: ThreadRequest): Promise<{ id: number; value: unknown }>;
  /** Ends the thread when its last user leaves. */
  leave(): Promise<void>;
}

interface Thread {
  readonly worker: Worker;
  readonly waiting: Map<number, (answer: Answer) => void>;
  users: number;
  /** Why the thread ended, once it has. */
  failure: string | undefined;
}

/** Threads in use, by name. */
const shared = new Map<string, Thread>();
let lastId = 0;

/** Joins the thread of a name, starting it if there is none. */
export function acquireWorker(name: string): SessionThread {
  const thread = shared.get(name) ?? startWorker(name);
  thread.users++;
  return {
    request: (request) => ask(thread, request),
    leave: async () => {
      thread.users--;
      if (thread.users > 0) return;
      forget(name, thread);
      await thread.worker.terminate();
    },
  };
}

function ask(thread: Thread, request: ThreadRequest): Promise<{ id: number; value: unknown }> {
  const { worker, waiting } = thread;
  return new Promise((resolve, reject) => {
    if (thread.failure !== undefined) {
      reject(new Error(thread.failure));
      return;
    }
    const id = ++lastId;
    const settle = (): void => {
      waiting.delete(id);
      if (waiting.size === 0) worker.unref();
    };
    // An unanswered request keeps the process alive; an idle thread does not.
    worker.ref();
    waiting.set(id, ({ value, error }) => {
      settle();
      if (error === undefined) resolve({ id, value });
      else reject(new Error(error));
    });
    try {
      worker.postMessage({ ...request, id }, lentBuffers(request));
    } catch (error) {
      settle();
      reject(error);
    }
  });
}

function lentBuffers(request: ThreadRequest): ArrayBuffer[] {
  if (request.kind !== 'run') return [];
  const buffers = new Set<ArrayBuffer>();
  for (const name of request.lend) {
    const data: unknown = request.feeds[name]?.data;
    if (ArrayBuffer.isView(data) && data.buffer instanceof ArrayBuffer) buffers.add(data.buffer);
  }
  return [...buffers];
}

function forget(name: string, thread: Thread): void {
  if (shared.get(name) === thread) shared.delete(name);
}

function startWorker(name: string): Thread {
  // Without the flags of this process: some, such as --input-type, stop a worker from starting.
  const worker = new Worker(new URL('./worker.js', import.meta.url), { execArgv: [] });
  worker.unref();
  const thread: Thread = { worker, waiting: new Map(), users: 0, failure: undefined };
  shared.set(name, thread);
  worker.on('message', (answer: Answer) => thread.waiting.get(answer.id)?.(answer));
  const fail = (reason: string): void => {
    thread.failure ??= reason;
    forget(name, thread);
    for (const [id, answer] of [...thread.waiting]) answer({ id, error: reason });
  };
  worker.on('error', (error) => fail(`the session thread failed: ${error.message}`));
  worker.on('exit', (code) => fail(`the session thread ended with code ${code}`));
  return thread;
}
