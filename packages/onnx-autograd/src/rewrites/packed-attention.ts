import type { Value } from '../graph/graph-builder.js';
import { causalMask, mergeHeads, scaledDotProductAttention, splitHeads } from './attention-core.js';
import { withPast } from './multi-head-attention.js';
import { paddingMask } from './padding-mask.js';
import type { Rewrite } from './rewrite.js';

/** Attention of com.microsoft: input `[B, S, H]` times weights `[H, Q+K+V]`, with an optional past `[2, B, N, P, D]`. */
export const packedAttention: Rewrite = (context) => {
  const { ops, attributes, input, optionalInput, shapeOf, unsupported, hasOutput } = context;
  const heads = attributes.int('num_heads', 1);
  if (attributes.int('do_rotary', 0) === 1) unsupported('does not know do_rotary');
  if (attributes.int('past_present_share_buffer', 0) === 1)
    unsupported('does not know a shared past buffer');
  const width = shapeOf(1)?.[1];
  if (typeof width !== 'number') return unsupported('needs the width of its weights to be known');
  const sizes = attributes.ints('qkv_hidden_sizes') ?? [width / 3, width / 3, width / 3];
  const bias = optionalInput(2);
  const product = ops.matMul(input(0), input(1));
  const projected = bias === undefined ? product : ops.add(product, bias);
  const [query = '', key = '', value = ''] = ops
    .split(projected, ops.int64(sizes), 2, 3)
    .map((part) => splitHeads(ops, part, heads));
  const past = optionalInput(4);
  const [pastKey, pastValue] =
    past === undefined
      ? []
      : [0, 1].map((index): Value => ops.gather(past, ops.int64Scalar(index), 0));
  const keys = withPast(ops, key, pastKey);
  const values = withPast(ops, value, pastValue);
  const padding = paddingMask(context, { index: 3, keys, like: query, canHoldStarts: true });
  const masks = [optionalInput(5), padding].filter((mask) => mask !== undefined);
  if (attributes.int('unidirectional', 0) === 1) {
    masks.push(
      causalMask(ops, {
        queryLength: ops.size(query, 2),
        keyLength: ops.size(keys, 2),
        like: query,
      }),
    );
  }
  const scale = attributes.float('scale', 0);
  const attended = scaledDotProductAttention(ops, {
    query,
    key: keys,
    value: values,
    heads,
    keyHeads: heads,
    scale: scale === 0 ? 1 / Math.sqrt((sizes[0] ?? 1) / heads) : scale,
    masks,
  });
  const present = hasOutput(1)
    ? ops.concat([ops.unsqueeze(keys, [0]), ops.unsqueeze(values, [0])], 0)
    : null;
  return [mergeHeads(ops, attended), present];
};
