import type { Value } from '../graph/graph-builder.js';
import {
  additiveMask,
  causalMask,
  mergeHeads,
  scaledDotProductAttention,
  splitHeads,
} from './attention-core.js';
import { withPast } from './multi-head-attention.js';
import type { Rewrite, RewriteContext } from './rewrite.js';

/** Attention of operator sets 23 and 24, with inputs of rank 3 `[B, S, heads·D]` or 4 `[B, heads, S, D]`. */
export const standardAttention: Rewrite = (context) => {
  const { ops, attributes, input, optionalInput, rankOf, hasOutput, unsupported } = context;
  if (hasOutput(3)) unsupported('does not reach the output of attention scores');
  if (optionalInput(6) !== undefined) unsupported('does not know nonpad_kv_seqlen');
  const isFlat = rankOf(0) === 3;
  const count = (attribute: string, x: Value): number => {
    if (isFlat) return attributes.int(attribute) ?? unsupported(`needs the attribute ${attribute}`);
    const known = ops.shapeInfo(x)?.[1];
    return typeof known === 'number' ? known : unsupported('needs the number of heads to be known');
  };
  const heads = count('q_num_heads', input(0));
  const keyHeads = count('kv_num_heads', input(1));
  const toHeads = (x: Value, number: number): Value => (isFlat ? splitHeads(ops, x, number) : x);
  const query = toHeads(input(0), heads);
  const key = withPast(ops, toHeads(input(1), keyHeads), optionalInput(4));
  const value = withPast(ops, toHeads(input(2), keyHeads), optionalInput(5));
  const attended = scaledDotProductAttention(ops, {
    query,
    key,
    value,
    heads,
    keyHeads,
    scale: attributes.float('scale') ?? 1 / Math.sqrt(headSize(context, heads, isFlat)),
    softcap: attributes.float('softcap', 0),
    masks: masksOf(context, query, key),
  });
  return [isFlat ? mergeHeads(ops, attended) : attended, key, value];
};

function headSize(
  { shapeOf, unsupported }: RewriteContext,
  heads: number,
  isFlat: boolean,
): number {
  const width = shapeOf(0)?.at(-1);
  if (typeof width !== 'number') return unsupported('needs the head size to be known');
  return isFlat ? width / heads : width;
}

function masksOf(context: RewriteContext, query: Value, key: Value): Value[] {
  const { ops, attributes, optionalInput } = context;
  const masks: Value[] = [];
  const mask = optionalInput(3);
  if (mask !== undefined)
    masks.push(ops.typeOf(mask) === 'bool' ? additiveMask(ops, mask, query) : mask);
  if (attributes.int('is_causal', 0) === 1) {
    const past = optionalInput(4);
    masks.push(
      causalMask(ops, {
        queryLength: ops.size(query, 2),
        keyLength: ops.size(key, 2),
        offset: past === undefined ? ops.int64([0]) : ops.size(past, 2),
        like: query,
      }),
    );
  }
  return masks;
}
