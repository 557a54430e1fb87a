import type { TensorLike } from '@iapo/onnx-autograd';

/** Values that are fed besides the batch: matrices of the adapter, or weights. */
export type Parameters = Readonly<Record<string, TensorLike>>;
