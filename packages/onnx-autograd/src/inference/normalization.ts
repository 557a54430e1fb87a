import type { InferenceContext, InferenceRule } from './inference-rule.js';
import { freshShape } from './movement.js';
import { knownShape, normalizeAxis, type TensorInfo } from './tensor-info.js';

function statistics(context: InferenceContext, axis: number): TensorInfo {
  const info = context.input(0);
  const dims = knownShape(info);
  // Half-precision norms keep their statistics in single precision (stash_type 1).
  const type = info?.type === 'float64' ? 'float64' : 'float32';
  if (dims === undefined) return { type, shape: context.symbols.shape() };
  const first = normalizeAxis(axis, dims.length);
  return { type, shape: dims.map((value, index) => (index < first ? value : 1)) };
}

/** LayerNormalization (Y, mean, inverse deviation) and its relatives. */
export const layerNormalization: InferenceRule = (context) => {
  const info = context.input(0);
  const stats = statistics(context, context.attributes.int('axis', -1));
  return [info === undefined ? undefined : { type: info.type, shape: info.shape }, stats, stats];
};

/** Skip norms: outputs are Y, mean, inverse deviation, sum. */
export const skipNormalization: InferenceRule = (context) => {
  const info = context.input(0);
  const like = info === undefined ? undefined : { type: info.type, shape: info.shape };
  const stats = statistics(context, -1);
  return [like, stats, stats, like];
};

/** GroupQueryAttention and MultiHeadAttention: output, present key, present value. */
export const fusedAttention: InferenceRule = (context) => {
  const query = context.input(0);
  const dims = knownShape(query);
  const heads = context.attributes.int('num_heads', 1);
  const keyHeads = context.attributes.int('kv_num_heads', heads);
  const value = knownShape(context.input(2));
  let width = dims?.at(-1);
  if (context.input(1) === undefined && typeof width === 'number') {
    width = (width / (heads + 2 * keyHeads)) * heads;
  } else if (context.node.operator === 'MultiHeadAttention' && value?.length === 3) {
    width = value.at(-1);
  }
  const shape =
    dims === undefined || dims.length !== 3 || width === undefined
      ? freshShape(context, 3)
      : [dims[0] ?? 1, dims[1] ?? 1, width];
  const present = (index: number): TensorInfo => {
    const past = knownShape(context.input(index));
    const known = past?.length === 4 ? past : undefined;
    return {
      type: query?.type,
      shape: [
        known?.[0] ?? context.symbols.dimension(),
        known?.[1] ?? keyHeads,
        context.symbols.dimension(),
        known?.[3] ?? context.symbols.dimension(),
      ],
    };
  };
  const pastIndex = context.node.operator === 'MultiHeadAttention' ? 6 : 3;
  return [{ type: query?.type, shape }, present(pastIndex), present(pastIndex + 1)];
};

/** Attention of operator sets 23 and 24: 3-D inputs give 3-D outputs, 4-D give 4-D. */
export const attention23: InferenceRule = (context) => {
  const query = context.input(0);
  const dims = knownShape(query);
  const value = knownShape(context.input(2));
  if (dims === undefined) return [{ type: query?.type, shape: context.symbols.shape() }];
  const shape = [...dims];
  if (dims.length === 4) shape[3] = value?.[3] ?? context.symbols.dimension();
  else {
    const width = value?.[2];
    const heads = context.attributes.int('q_num_heads', 1);
    const keyHeads = context.attributes.int('kv_num_heads', 1);
    shape[2] = typeof width === 'number' ? (width / keyHeads) * heads : context.symbols.dimension();
  }
  const present = { type: query?.type, shape: freshShape(context, 4) };
  return [{ type: query?.type, shape }, present, present, present];
};

/** Packed Attention of com.microsoft: input [B, S, H], weights [H, 3·V]. */
export const packedAttention: InferenceRule = (context) => {
  const info = context.input(0);
  const dims = knownShape(info);
  const weight = knownShape(context.input(1));
  const sizes = context.attributes.ints('qkv_hidden_sizes');
  const packed = weight?.[1];
  const width =
    sizes?.[2] ?? (typeof packed === 'number' ? packed / 3 : context.symbols.dimension());
  const shape = dims === undefined ? freshShape(context, 3) : [dims[0] ?? 1, dims[1] ?? 1, width];
  return [
    { type: info?.type, shape },
    { type: info?.type, shape: freshShape(context, 5) },
  ];
};
