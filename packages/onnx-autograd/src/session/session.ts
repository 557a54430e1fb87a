import { createHash } from 'node:crypto';
import { InferenceSession, type Tensor } from 'onnxruntime-node';
import type { OnnxModel } from '../codec/model.js';
import { listNames, OnnxAutogradError } from '../errors.js';
import { fixedInputPrefix } from '../transform/choose-branches.js';
import { type PreparedModel, prepareModel, type SessionOptions } from './session-options.js';
import {
  checkFeeds,
  type ExpectedFeeds,
  type PlainTensor,
  type TensorLike,
  toRuntimeTensors,
} from './tensors.js';
import { acquireWorker, type SessionThread } from './thread.js';

export interface RunOptions {
  /** Checked before the run starts: a run that has started cannot be stopped. */
  readonly signal?: AbortSignal;
  /**
   * Feeds whose memory is handed to the session's thread instead of copied, such as a cache of keys and values.
   * They come back among the results, under their names; the arrays that were fed are empty from then on, and
   * lost if the run fails. A session without a thread copies no feed, and gives the same arrays back.
   */
  readonly lend?: readonly string[];
}

/** What runs a prepared graph: this thread, or a worker. */
interface Runner {
  run(
    feeds: Record<string, PlainTensor>,
    lend: readonly string[],
  ): Promise<Record<string, TensorLike>>;
  release(): Promise<void>;
}

/** Output of a run: typed data in row-major order. */
export type OutputTensor = Tensor | PlainTensor;

/**
 * A graph ready to run. Made by `createSession`; owns native memory until it is disposed.
 */
export class Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly #expected: ExpectedFeeds;
  readonly #runner: Runner;
  readonly #onDispose: () => Promise<void>;
  readonly #running = new Set<Promise<unknown>>();
  #disposal: Promise<void> | undefined;

  /** @internal Use `createSession`. */
  constructor(model: OnnxModel, runner: Runner, onDispose: () => Promise<void>) {
    const initializers = new Set(model.graph.initializers.map(({ name }) => name));
    const inputs = model.graph.inputs.filter(({ name }) => !initializers.has(name));
    this.inputNames = inputs.map(({ name }) => name);
    this.outputNames = model.graph.outputs.map(({ name }) => name);
    this.#expected = {
      inputs: new Map(inputs.map((input) => [input.name, input])),
      fixed: new Map(
        [...model.metadata]
          .filter(([key]) => key.startsWith(fixedInputPrefix))
          .map(([key, value]) => [key.slice(fixedInputPrefix.length), value]),
      ),
    };
    this.#runner = runner;
    this.#onDispose = onDispose;
  }

  /**
   * Runs the graph.
   *
   * @param feeds One tensor for each input: `{ type, dims, data }`, such as onnxruntime's `Tensor`.
   * @returns Every output by name, and what was lent.
   * @throws {OnnxAutogradError} `invalid-argument` before work starts, `runtime` with ONNX Runtime's cause.
   */
  async run(
    feeds: Readonly<Record<string, TensorLike>>,
    options: RunOptions = {},
  ): Promise<Record<string, OutputTensor>> {
    if (this.#disposal !== undefined) {
      throw new OnnxAutogradError('disposed', 'The session was disposed; create another one.');
    }
    options.signal?.throwIfAborted();
    const checked = checkFeeds(feeds, this.#expected);
    const lend = options.lend ?? [];
    const unknown = lend.filter((name) => checked[name] === undefined);
    if (unknown.length > 0) {
      throw new OnnxAutogradError(
        'invalid-argument',
        `Cannot run the session: \`lend\` must name feeds, got ${listNames(unknown)}.`,
      );
    }
    const run = this.#runner.run(checked, lend);
    this.#running.add(run);
    try {
      const results = await run;
      options.signal?.throwIfAborted();
      return results as Record<string, OutputTensor>;
    } finally {
      this.#running.delete(run);
    }
  }

  /**
   * Gives the native memory back, once the runs that have started are over. Further runs throw; disposing
   * twice does nothing more.
   */
  dispose(): Promise<void> {
    this.#disposal ??= this.#release();
    return this.#disposal;
  }

  async #release(): Promise<void> {
    await Promise.allSettled(this.#running);
    await this.#onDispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

interface PoolEntry {
  readonly runner: Promise<Runner>;
  users: number;
}

/** Native sessions in use, by graph and options. An entry goes with its last user. */
const pool = new Map<string, PoolEntry>();

/**
 * Makes a session for a model.
 *
 * Calls with the same graph and options share one native session; it is released when the last of them is
 * disposed. Weights are mapped from the model's files, so several sessions on one model hold them once.
 *
 * @throws {OnnxAutogradError} `runtime` if ONNX Runtime refuses the graph.
 * @example
 * const session = await createSession(model);
 * try {
 *   const { logits } = await session.run(feeds);
 * } finally {
 *   await session.dispose();
 * }
 */
export async function createSession(
  model: OnnxModel,
  options: SessionOptions = {},
): Promise<Session> {
  const prepared = prepareModel(model, options);
  const worker = workerName(options);
  const start = (): Promise<Runner> =>
    worker === null ? startHere(prepared) : startInWorker(prepared, worker);
  if (options.pooled === false) {
    const runner = await start();
    return new Session(model, runner, () => runner.release());
  }
  const key = createHash('sha256')
    .update(prepared.bytes)
    .update(JSON.stringify([prepared.options, prepared.weightFiles, worker]))
    .digest('hex');
  const entry = pool.get(key) ?? { runner: start(), users: 0 };
  pool.set(key, entry);
  entry.users++;
  const forget = (): void => {
    if (pool.get(key) === entry) pool.delete(key);
  };
  try {
    const runner = await entry.runner;
    return new Session(model, runner, async () => {
      entry.users--;
      if (entry.users > 0) return;
      forget();
      await runner.release();
    });
  } catch (error) {
    forget();
    throw error;
  }
}

async function startHere({ bytes, options }: PreparedModel): Promise<Runner> {
  const session = await wrapped('ONNX Runtime refused the graph', () =>
    InferenceSession.create(bytes, options),
  );
  return {
    run: async (feeds, lend) => {
      const results: Record<string, TensorLike> = await wrapped(
        'ONNX Runtime failed while running the graph',
        () => session.run(toRuntimeTensors(feeds)),
      );
      const lent = lend.flatMap((name) => {
        const feed = feeds[name];
        return feed === undefined ? [] : [[name, feed] as const];
      });
      return { ...results, ...Object.fromEntries(lent) };
    },
    release: () => session.release(),
  };
}

/** `null` for this thread. */
function workerName({ worker = false }: SessionOptions): string | null {
  if (typeof worker === 'string') return worker;
  return worker ? '' : null;
}

async function startInWorker({ bytes, options }: PreparedModel, worker: string): Promise<Runner> {
  const thread: SessionThread = acquireWorker(worker);
  try {
    const session = await wrapped('ONNX Runtime refused the graph', () =>
      thread.request({ kind: 'create', bytes, options }),
    );
    return {
      run: (feeds, lend) =>
        wrapped('ONNX Runtime failed while running the graph', () =>
          thread.request({ kind: 'run', session: session.id, feeds, lend }),
        ).then(({ value }) => value as Record<string, TensorLike>),
      release: async () => {
        try {
          await wrapped('The session could not be released', () =>
            thread.request({ kind: 'release', session: session.id }),
          );
        } finally {
          await thread.leave();
        }
      },
    };
  } catch (error) {
    await thread.leave();
    throw error;
  }
}

async function wrapped<T>(problem: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof OnnxAutogradError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OnnxAutogradError('runtime', `${problem}: ${reason}`, { cause });
  }
}
