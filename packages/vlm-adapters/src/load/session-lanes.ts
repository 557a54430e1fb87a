import { availableParallelism } from 'node:os';
import type { SessionOptions } from '@iapo/onnx-autograd';
import { VlmError } from '../errors.js';

/** More threads than this are a mistake: each holds sessions of its own. */
const mostWorkers = 64;

let models = 0;

/**
 * Options of the sessions that run side by side, one a thread. Each model has threads of its own, so that two models
 * work at the same time.
 *
 * @throws {VlmError} `invalid-argument` for a number of threads that cannot be.
 */
export function sessionLanes(options: {
  readonly worker?: boolean | number;
  readonly executionProviders?: readonly string[];
  readonly threads?: number;
}): readonly [SessionOptions, ...SessionOptions[]] {
  const { worker = true, executionProviders, threads } = options;
  if (
    typeof worker === 'number' &&
    !(Number.isInteger(worker) && worker >= 1 && worker <= mostWorkers)
  )
    throw new VlmError(
      'invalid-argument',
      `\`worker\` must be a boolean, or a number of threads from 1 to ${mostWorkers}, got ${worker}.`,
    );
  const count = typeof worker === 'number' ? worker : 1;
  const model = ++models;
  const lane = (index: number): SessionOptions => ({
    worker: worker === false ? false : `model ${model}, ${index}`,
    ...(executionProviders === undefined ? {} : { executionProviders }),
    ...(threads === undefined ? dividedThreads(count) : { threads }),
  });
  return [lane(0), ...Array.from({ length: count - 1 }, (_, index) => lane(index + 1))];
}

/** ONNX Runtime's own default for one session. */
function dividedThreads(count: number): Pick<SessionOptions, 'threads'> {
  return count === 1 ? {} : { threads: Math.max(1, Math.floor(availableParallelism() / count)) };
}
