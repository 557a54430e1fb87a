// The thread in which a session runs when asked to. Plain JavaScript, so that it starts from the sources as
// well as from the built package. It knows three messages: create, run, release.

import { parentPort } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';

/**
 * @typedef {{ type: import('onnxruntime-common').Tensor.Type, dims: readonly number[], data: any }} PlainTensor
 * @typedef {(
 *   | { kind: 'create', id: number, bytes: Uint8Array, options: import('onnxruntime-common').InferenceSession.SessionOptions }
 *   | { kind: 'run', id: number, session: number, feeds: Record<string, PlainTensor>, lend: readonly string[] }
 *   | { kind: 'release', id: number, session: number }
 * )} Request
 */

/** @type {Map<number, InferenceSession>} */
const sessions = new Map();

/** @param {Request} request */
async function answer(request) {
  if (request.kind === 'create') {
    const session = await InferenceSession.create(request.bytes, request.options);
    sessions.set(request.id, session);
    return { value: undefined, transfer: [] };
  }
  const session = sessions.get(request.session);
  if (session === undefined) throw new Error('internal: the session is not in this thread');
  if (request.kind === 'release') {
    sessions.delete(request.session);
    await session.release();
    return { value: undefined, transfer: [] };
  }
  /** @type {Record<string, Tensor>} */
  const feeds = {};
  for (const [name, { type, data, dims }] of Object.entries(request.feeds)) {
    feeds[name] = new Tensor(type, data, dims);
  }
  const results = await session.run(feeds);
  /** @type {Record<string, PlainTensor>} */
  const value = {};
  /** @type {Set<ArrayBuffer>} */
  const transfer = new Set();
  const lent = request.lend.map((name) => [name, request.feeds[name]]);
  for (const [name, { type, dims, data }] of Object.entries({
    ...results,
    ...Object.fromEntries(lent),
  })) {
    value[name] = { type, dims, data };
    if (ArrayBuffer.isView(data) && data.buffer instanceof ArrayBuffer) transfer.add(data.buffer);
  }
  return { value, transfer: [...transfer] };
}

const port = parentPort;
if (port === null) throw new Error('internal: worker.js is started as a worker thread only');

// One request after another: ONNX Runtime blocks this thread while it runs.
let queue = Promise.resolve();
port.on('message', (/** @type {Request} */ request) => {
  queue = queue.then(async () => {
    try {
      const { value, transfer } = await answer(request);
      port.postMessage({ id: request.id, value }, transfer);
    } catch (error) {
      port.postMessage({
        id: request.id,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  });
});
