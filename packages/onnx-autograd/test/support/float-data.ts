import type { TensorLike } from '../../src/index.js';

/** The elements of a float32 output; throws if there is no such output. */
export function floatData(tensor: TensorLike | undefined): Float32Array {
  if (tensor?.data instanceof Float32Array) return tensor.data;
  throw new Error(`expected a float32 tensor, got ${tensor?.type}`);
}
