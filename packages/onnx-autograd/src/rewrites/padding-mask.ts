import type { Value } from '../graph/graph-builder.js';
import type { Operations } from '../graph/operations.js';
import type { RewriteContext } from './rewrite.js';

/**
 * Terms to be added to the scores for the mask input of MultiHeadAttention and Attention of com.microsoft.
 *
 * Its forms: row lengths `[B]`, ends and starts `[2B]`, lengths and running sums `[3B + 2]`, marks of keys
 * `[B, S]`, marks of pairs `[B, L, S]`. Masked scores are lowered by `mask_filter_value` (−10000 if it is left
 * out): a row in which every key is masked still has a softmax.
 *
 * @param canHoldStarts Whether `[2B]` is a form of this operator.
 */
export function paddingMask(
  context: RewriteContext,
  options: {
    readonly index: number;
    readonly keys: Value;
    readonly like: Value;
    readonly canHoldStarts: boolean;
  },
): Value | undefined {
  const { ops, attributes, optionalInput, rankOf, unsupported } = context;
  const { index, keys, like, canHoldStarts } = options;
  const marks = optionalInput(index);
  if (marks === undefined) return undefined;
  const type = ops.typeOf(like);
  const lowered = (keep: Value): Value =>
    ops.where(
      keep,
      ops.scalar(0, type),
      ops.scalar(attributes.float('mask_filter_value', -10000), type),
    );
  const rank = rankOf(index);
  if (rank === 1) {
    const keep = withinRow(ops, marks, keys, canHoldStarts);
    return lowered(ops.unsqueeze(keep, [1, 2]));
  }
  const keep = ops.greater(ops.cast(marks, 'int64'), ops.int64Scalar(0));
  if (rank === 2) return lowered(ops.unsqueeze(keep, [1, 2]));
  if (rank === 3) return lowered(ops.unsqueeze(keep, [1]));
  return unsupported(`does not know a mask of rank ${rank}`);
}

/** `[B, S]`: whether a key lies before its row's end, and from its start on where starts are given. */
function withinRow(ops: Operations, marks: Value, keys: Value, canHoldStarts: boolean): Value {
  const numbers = ops.cast(marks, 'int64');
  const batch = ops.size(keys, 0);
  const columns = ops.unsqueeze(ops.range(ops.size(keys, 2)), [0]);
  const ends = ops.unsqueeze(ops.slice(numbers, 0, batch, 0), [1]);
  const isBeforeEnd = ops.less(columns, ends);
  if (!canHoldStarts) return isBeforeEnd;
  const double = ops.mul(batch, ops.int64([2]));
  const isDouble = ops.equal(ops.emit('Shape', [numbers]), double);
  // Where there are no starts, the second half of the first 2B numbers may be missing: read the ends twice.
  const padded = ops.concat([numbers, numbers], 0);
  const starts = ops.where(isDouble, ops.slice(padded, batch, double, 0), ops.int64([0]));
  return ops.and(isBeforeEnd, ops.greaterOrEqual(columns, ops.unsqueeze(starts, [1])));
}
