import { availableParallelism } from 'node:os';
import type { SessionOptions } from '@iapo/onnx-autograd';
import { VlmError } from '../errors.js';

/** More threads than this are a mistake: each holds sessions of its own. */
const mostWorkers = 64;

/**
 * Decoders up to this size run in several threads by default: their operators are so short that threads inside them
 * hardly help (measured with 0.8 M parameters).
 */
const smallModel = 64 * 2 ** 20;

/** More than these hardly help a small model, and each holds a copy of the sampler's weights. */
const defaultWorkers = 4;

let models = 0;

/**
 * Options of the sessions that run side by side, one a thread. Each model has threads of its own, so that two models
 * work at the same time.
 *
 * @param weightBytes Of the decoder.
 * @throws {VlmError} `invalid-argument` for a number of threads that cannot be.
 */
export function sessionLanes(
  options: {
    readonly worker?: boolean | number;
    readonly executionProviders?: readonly string[];
    readonly threads?: number;
  },
  weightBytes: number,
): readonly [SessionOptions, ...SessionOptions[]] {
  const { executionProviders, threads } = options;
  const isFree = threads === undefined && executionProviders === undefined;
  const worker =
    options.worker ??
    (isFree && weightBytes <= smallModel ? Math.min(defaultWorkers, availableParallelism()) : true);
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
