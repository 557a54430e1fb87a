import type { Value } from '../graph/graph-builder.js';
import { blockwiseAttention, mergeHeads, splitHeads } from './attention-core.js';
import { type Past, readPast, rotaryPositions, visibleKeys } from './group-query-past.js';
import type { Rewrite, RewriteContext } from './rewrite.js';

/**
 * GroupQueryAttention of com.microsoft.
 *
 * Rows may be padded on the right. A past buffer may be longer than what is real in it; where rows have pasts of
 * different lengths, the presents of the shorter ones hold a gap before the new token.
 *
 * @see onnxruntime `docs/ContribOperators.md`; the order of scaling, soft-capping, bias and window was
 *   checked against the operator itself.
 */
export const groupQueryAttention: Rewrite = (context) => {
  const { ops, attributes, optionalInput, hasOutput, unsupported } = context;
  const heads = attributes.int('num_heads', 1);
  const keyHeads = attributes.int('kv_num_heads', heads);
  if (optionalInput(12) !== undefined || optionalInput(13) !== undefined) {
    unsupported('does not know quantized keys and values');
  }
  if (hasOutput(3)) unsupported('does not reach the output of attention scores');
  if (attributes.int('sliding_window_cache', 0) !== 0) {
    unsupported('does not know a past of the size of its window (sliding_window_cache)');
  }
  const [query, key, value] = separate(context, heads, keyHeads);
  const size = headSize(context, query, heads);
  const past = readPast(context);
  const [turnedQuery, turnedKey] = rotate(context, [query, key], [heads, keyHeads], past);
  const withPast = (x: Value, before: Value | undefined): Value =>
    before === undefined ? x : ops.concat([before, x], 2);
  const keys = withPast(splitHeads(ops, turnedKey, keyHeads), past?.key);
  const values = withPast(splitHeads(ops, value, keyHeads), past?.value);
  const queries = splitHeads(ops, turnedQuery, heads);
  const bias = optionalInput(10);
  const mask = visibleKeys(context, past, queries, keys);
  const sink =
    optionalInput(11) ??
    (attributes.int('smooth_softmax', 0) > 0
      ? ops.fill(ops.int64([heads]), 0, ops.typeOf(queries))
      : undefined);
  const scale = attributes.float('scale', 0);
  const attended = blockwiseAttention(ops, {
    query: queries,
    key: keys,
    value: values,
    heads,
    keyHeads,
    scale: scale === 0 ? 1 / Math.sqrt(size) : scale,
    softcap: attributes.float('softcap', 0),
    masks: [bias, mask].filter((term) => term !== undefined),
    // A bias may be differentiated, and need not be as large as the scores.
    isCausal: bias === undefined && attributes.int('causal', 1) === 1,
    ...(sink === undefined ? {} : { sink }),
  });
  return [mergeHeads(ops, attended), keys, values];
};

/** Query, key and value `[B, S, heads·D]`; they may come packed in one tensor. */
function separate(context: RewriteContext, heads: number, keyHeads: number): [Value, Value, Value] {
  const { ops, input, optionalInput, shapeOf, unsupported } = context;
  const key = optionalInput(1);
  const value = optionalInput(2);
  if (key !== undefined && value !== undefined) return [input(0), key, value];
  const width = shapeOf(0)?.at(-1);
  if (typeof width !== 'number')
    return unsupported('needs the width of the packed query to be known');
  const size = width / (heads + 2 * keyHeads);
  const sizes = ops.int64([heads * size, keyHeads * size, keyHeads * size]);
  const [q = '', k = '', v = ''] = ops.split(input(0), sizes, 2, 3);
  return [q, k, v];
}

function headSize({ ops, unsupported }: RewriteContext, query: Value, heads: number): number {
  const width = ops.shapeInfo(query)?.at(-1);
  return typeof width === 'number' ? width / heads : unsupported('needs the head size to be known');
}

/** Normalizes queries and keys by head where the node has weights for it, then turns them by position. */
function rotate(
  context: RewriteContext,
  values: readonly [Value, Value],
  heads: readonly [number, number],
  past: Past | undefined,
): [Value, Value] {
  const { ops, attributes, optionalInput, input, shapeOf } = context;
  const [query, key] = values.map((x, index) =>
    normalizeHeads(context, x, heads[index] ?? 1, optionalInput(14 + index)),
  ) as [Value, Value];
  if (attributes.int('do_rotary', 0) !== 1) return [query, key];
  const positions = rotaryPositions(context, past);
  const half = shapeOf(7)?.[1];
  return [query, key].map((x, index) => {
    const width = ops.shapeInfo(x)?.at(-1);
    const count = heads[index] ?? 1;
    const isPartial =
      typeof half === 'number' && typeof width === 'number' && 2 * half !== width / count;
    return ops.emit('RotaryEmbedding', [x, positions, input(7), input(8)], {
      domain: 'com.microsoft',
      attributes: {
        interleaved: attributes.int('rotary_interleaved', 0),
        num_heads: count,
        ...(isPartial ? { rotary_embedding_dim: 2 * half } : {}),
      },
    });
  }) as [Value, Value];
}

function normalizeHeads(
  { ops, attributes }: RewriteContext,
  x: Value,
  heads: number,
  weight: Value | undefined,
): Value {
  if (weight === undefined) return x;
  const shape = ops.concat([ops.size(x, 0), ops.size(x, 1), ops.int64([heads, -1])], 0);
  const normalized = ops.emit('SimplifiedLayerNormalization', [ops.reshape(x, shape), weight], {
    attributes: {
      axis: -1,
      epsilon: { float: attributes.float('qk_norm_epsilon', 1e-6) },
      stash_type: 1,
    },
  });
  return ops.reshapeLike(normalized, x);
}
