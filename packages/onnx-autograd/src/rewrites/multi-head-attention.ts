import type { Value } from '../graph/graph-builder.js';
import type { Operations } from '../graph/operations.js';
import { causalMask, mergeHeads, scaledDotProductAttention, splitHeads } from './attention-core.js';
import { paddingMask } from './padding-mask.js';
import type { Rewrite, RewriteContext } from './rewrite.js';

/** MultiHeadAttention of com.microsoft, with separate query, key and value. */
export const multiHeadAttention: Rewrite = (context) => {
  const { ops, attributes, optionalInput, shapeOf, unsupported, hasOutput } = context;
  const heads = attributes.int('num_heads', 1);
  const rank = shapeOf(0)?.length;
  if (rank !== undefined && rank !== 3)
    unsupported('does not know packed queries, keys and values');
  if (shapeOf(1)?.length === 5) unsupported('does not know packed keys and values');
  if (optionalInput(8) !== undefined) {
    unsupported('does not know a past buffer that is shared (past_sequence_length)');
  }
  if (optionalInput(9) !== undefined) unsupported('does not know beam indirection');
  if (hasOutput(3)) unsupported('does not reach the output of attention scores');
  const [query, key, value] = addBias(context);
  const toHeads = (x: Value): Value => (ops.requireRank(x) === 4 ? x : splitHeads(ops, x, heads));
  const queries = toHeads(query);
  const keys = withPast(ops, toHeads(key), optionalInput(6));
  const values = withPast(ops, toHeads(value), optionalInput(7));
  const width = shapeOf(0)?.[2];
  if (typeof width !== 'number') return unsupported('needs the head size to be known');
  const scale = attributes.float('scale', 0);
  const padding = paddingMask(context, { index: 4, keys, like: queries, canHoldStarts: false });
  const masks = [optionalInput(5), padding].filter((mask) => mask !== undefined);
  if (attributes.int('unidirectional', 0) === 1) {
    masks.push(
      causalMask(ops, {
        queryLength: ops.size(queries, 2),
        keyLength: ops.size(keys, 2),
        like: queries,
      }),
    );
  }
  const attended = scaledDotProductAttention(ops, {
    query: queries,
    key: keys,
    value: values,
    heads,
    keyHeads: heads,
    scale: scale === 0 ? 1 / Math.sqrt(width / heads) : scale,
    masks,
  });
  return [mergeHeads(ops, attended), keys, values];
};

function addBias({
  ops,
  input,
  optionalInput,
  shapeOf,
  unsupported,
}: RewriteContext): [Value, Value, Value] {
  const [query, key, value] = [input(0), input(1), input(2)];
  const bias = optionalInput(3);
  if (bias === undefined) return [query, key, value];
  const [q, k, v] = [0, 1, 2].map((index) => shapeOf(index)?.at(-1));
  // Keys and values that come split into heads have their bias already.
  if (shapeOf(1)?.length === 4 && typeof q === 'number') {
    return [ops.add(query, ops.slice(bias, 0, q, 0)), key, value];
  }
  if (typeof q !== 'number' || typeof k !== 'number' || typeof v !== 'number') {
    return unsupported('needs the widths of query, key and value to be known');
  }
  const [qBias = '', kBias = '', vBias = ''] = ops.split(bias, ops.int64([q, k, v]), 0, 3);
  return [ops.add(query, qBias), ops.add(key, kBias), ops.add(value, vBias)];
}

export function withPast(ops: Operations, x: Value, past: Value | undefined): Value {
  return past === undefined ? x : ops.concat([past, x], 2);
}
