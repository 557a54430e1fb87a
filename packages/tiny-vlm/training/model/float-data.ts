import type { TensorLike } from '@iapo/onnx-autograd';

/** The numbers of a float32 tensor that a session gave. */
export function floatsOf(tensor: TensorLike | undefined): Float32Array {
  if (tensor?.data instanceof Float32Array) return tensor.data;
  throw new TypeError('internal: the session gave no float32 tensor.');
}
