import { Worker } from 'node:worker_threads';
import type { InferenceSession } from 'onnxruntime-node';
import type { PlainTensor } from './tensors.js';

/** What can be asked of the thread; `session` is the id of the request that created it. */
export type ThreadRequest =
  | { kind: 'create'; bytes: Uint8Array; options: InferenceSession.SessionOptions }
  | { kind: 'run'; session: number; feeds: Record<string, PlainTensor> }
  | { kind: 'release'; session: number };

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** A handle on the thread that all sessions with `worker: true` share. */
export interface SessionThread {
  request(request: ThreadRequest): Promise<{ id: number; value: unknown }>;
  /** Ends the thread when its last user leaves. */
  leave(): Promise<void>;
}

let shared:
  | { worker: Worker; users: number; waiting: Map<number, (answer: Answer) => void> }
  | undefined;
let lastId = 0;

/** Joins the thread, starting it if there is none. */
export function acquireWorker(): SessionThread {
  shared ??= startWorker();
  const mine = shared;
  mine.users++;
  return {
    request: (request) =>
      new Promise((resolve, reject) => {
        const id = ++lastId;
        // An unanswered request keeps the process alive; an idle thread does not.
        mine.worker.ref();
        mine.waiting.set(id, ({ value, error }) => {
          mine.waiting.delete(id);
          if (mine.waiting.size === 0) mine.worker.unref();
          if (error === undefined) resolve({ id, value });
          else reject(new Error(error));
        });
        mine.worker.postMessage({ ...request, id });
      }),
    leave: async () => {
      mine.users--;
      if (mine.users > 0) return;
      if (shared === mine) shared = undefined;
      await mine.worker.terminate();
    },
  };
}

function startWorker(): NonNullable<typeof shared> {
  const worker = new Worker(new URL('./worker.js', import.meta.url));
  worker.unref();
  const waiting = new Map<number, (answer: Answer) => void>();
  worker.on('message', (answer: Answer) => waiting.get(answer.id)?.(answer));
  const fail = (reason: string): void => {
    if (shared?.worker === worker) shared = undefined;
    for (const [id, answer] of [...waiting]) answer({ id, error: reason });
  };
  worker.on('error', (error) => fail(`the session thread failed: ${error.message}`));
  worker.on('exit', (code) => fail(`the session thread ended with code ${code}`));
  return { worker, users: 0, waiting };
}
