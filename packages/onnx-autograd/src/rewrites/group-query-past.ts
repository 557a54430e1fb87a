import type { Value } from '../graph/graph-builder.js';
import { additiveMask, causalMask } from './attention-core.js';
import type { RewriteContext } from './rewrite.js';

/** What a GroupQueryAttention node holds from earlier runs, cut to the longest row of the batch. */
export interface Past {
  readonly key: Value;
  readonly value: Value;
  /** Tokens of the past that are real, for each row: int64 `[B, 1]`. */
  readonly lengths: Value;
}

/**
 * The past of a node, `undefined` where it has none.
 *
 * A row's past has `seqlens_k + 1 − L` tokens (L new ones), whatever the length of the buffer; a first prompt,
 * which may be padded on the right, has none.
 */
export function readPast({ ops, input, optionalInput }: RewriteContext): Past | undefined {
  const key = optionalInput(3);
  const value = optionalInput(4);
  if (key === undefined || value === undefined) return undefined;
  const length = ops.size(input(0), 1);
  const held = ops.size(key, 2);
  const totals = ops.add(ops.cast(input(5), 'int64'), 1);
  const lengths = ops.emit('Min', [
    ops.emit('Max', [ops.sub(totals, length), ops.int64([0])]),
    held,
  ]);
  const longest = ops.reshape(ops.reduceMax(lengths, [0], true), [1]);
  return {
    key: ops.slice(key, 0, longest, 2),
    value: ops.slice(value, 0, longest, 2),
    lengths: ops.reshape(lengths, [-1, 1]),
  };
}

/**
 * Positions for a rotary embedding: a number where the first token stands, or `[B, L]`.
 *
 * Given positions count after a past only; for a first prompt the operator reads the first of them, and counts
 * on from there in every row.
 */
export function rotaryPositions(
  { ops, input, optionalInput }: RewriteContext,
  past: Past | undefined,
): Value {
  const given = optionalInput(9);
  const length = ops.size(input(0), 1);
  if (given === undefined) {
    if (past === undefined) return ops.int64([0]);
    return ops.add(past.lengths, ops.unsqueeze(ops.range(length), [0]));
  }
  const first = ops.slice(ops.reshape(given, [-1]), 0, 1, 0);
  const counted = ops.unsqueeze(ops.add(ops.range(length), first), [0]);
  const total = ops.reshape(ops.cast(input(6), 'int64'), [1]);
  return ops.where(ops.equal(total, length), counted, given);
}

/**
 * Which keys a query sees, as terms to be added to the scores: those before it, those of the last `window`
 * tokens, and no padding.
 */
export function visibleKeys(
  context: RewriteContext,
  past: Past | undefined,
  queries: Value,
  keys: Value,
): Value | undefined {
  const { ops, attributes, input } = context;
  const isCausal = attributes.int('causal', 1) === 1;
  const size = attributes.int('local_window_size', -1);
  const window = size > 0 ? size : undefined;
  const queryLength = ops.size(queries, 2);
  const keyLength = ops.size(keys, 2);
  // Padding on the right stands after every real token, which therefore does not see it.
  if (past === undefined && isCausal) {
    return causalMask(ops, { queryLength, keyLength, window, like: queries });
  }
  const totals = ops.reshape(ops.add(ops.cast(input(5), 'int64'), 1), [-1, 1]);
  const columns = ops.unsqueeze(ops.range(keyLength), [0]);
  if (past === undefined) {
    const isReal = ops.less(columns, totals);
    return additiveMask(ops, ops.unsqueeze(isReal, [1, 2]), queries);
  }
  // Column j holds a token of the past, or new token j − longest; rows with a shorter past have a gap between.
  const longest = ops.sub(keyLength, queryLength);
  const isPast = ops.less(columns, longest);
  const positions = ops.where(isPast, columns, ops.add(ops.sub(columns, longest), past.lengths));
  const limits = ops.where(isPast, past.lengths, totals);
  const isReal = ops.unsqueeze(ops.less(positions, limits), [1]);
  if (!isCausal) return additiveMask(ops, ops.unsqueeze(isReal, [1]), queries);
  const keyPositions = ops.unsqueeze(positions, [1]);
  const queryPositions = ops.unsqueeze(
    ops.add(past.lengths, ops.unsqueeze(ops.range(queryLength), [0])),
    [2],
  );
  let keep = ops.and(isReal, ops.lessOrEqual(keyPositions, queryPositions));
  if (window !== undefined) {
    keep = ops.and(keep, ops.greater(keyPositions, ops.sub(queryPositions, window)));
  }
  return additiveMask(ops, ops.unsqueeze(keep, [1]), queries);
}
