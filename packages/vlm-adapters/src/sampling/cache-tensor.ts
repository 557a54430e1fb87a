import type { TensorLike } from '@iapo/onnx-autograd';
import { VlmError } from '../errors.js';

/** Elements of a cache; halves are bits. Later Nodes have Float16Array, which is used the same way. */
export type CacheArray = Float32Array | Uint16Array;

/** Keys or values of one layer, `[rows, heads, length, headSize]`. */
export interface CacheTensor extends TensorLike {
  readonly data: CacheArray;
}

/** An output that is a cache. */
export function cacheOutput(
  outputs: Readonly<Record<string, TensorLike>>,
  name: string,
): CacheTensor {
  const tensor = outputs[name];
  if (tensor === undefined || tensor.dims.length !== 4 || !ArrayBuffer.isView(tensor.data)) {
    throw new VlmError(
      'runtime',
      `The decoder gave no cache "${name}" of the shape [rows, heads, length, size].`,
    );
  }
  return tensor as CacheTensor;
}

/** A cache of no tokens. */
export function emptyCache(
  type: CacheTensor['type'],
  rows: number,
  heads: number,
  headSize: number,
): CacheTensor {
  const data = type === 'float16' ? new Uint16Array(0) : new Float32Array(0);
  return { type, dims: [rows, heads, 0, headSize], data };
}

/** Rows of a cache in a new order; a row may come twice, or not at all. */
export function pickRows(tensor: CacheTensor, rows: readonly number[]): CacheTensor {
  const { data, dims, type } = tensor;
  const size = data.length / (dims[0] ?? 1);
  const picked = newArray(data, rows.length * size);
  for (const [to, from] of rows.entries())
    picked.set(data.subarray(from * size, (from + 1) * size), to * size);
  return { type, dims: [rows.length, ...dims.slice(1)], data: picked };
}

/**
 * Single rows under each other, each with zeros before it so that all have the same length.
 *
 * @param tensors `[1, heads, length, headSize]` each.
 */
export function padLeft(tensors: readonly CacheTensor[], length: number): CacheTensor {
  const [first] = tensors;
  if (first === undefined) throw new VlmError('invalid-argument', 'internal: no rows to pad.');
  const [, heads = 0, , headSize = 0] = first.dims;
  const data = newArray(first.data, tensors.length * heads * length * headSize);
  for (const [row, tensor] of tensors.entries()) {
    const own = (tensor.dims[2] ?? 0) * headSize;
    for (let head = 0; head < heads; head++) {
      const end = (row * heads + head + 1) * length * headSize;
      data.set(tensor.data.subarray(head * own, (head + 1) * own), end - own);
    }
  }
  return { type: first.type, dims: [tensors.length, heads, length, headSize], data };
}

/** An array of the same kind, zeros. */
function newArray(like: CacheArray, length: number): CacheArray {
  // `constructor` is typed as Function; that of a typed array takes a length.
  const Kind = like.constructor as new (length: number) => CacheArray;
  return new Kind(length);
}
