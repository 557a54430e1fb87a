import type { Value } from '../graph/graph-builder.js';
import type { Operations } from '../graph/operations.js';

/**
 * Shapes: `B` batch, `N` query heads, `K` key heads (N is a multiple of K), `L` query length, `S` key length,
 * `D` head size, `V` value head size.
 */
export interface AttentionInputs {
  /** `[B, N, L, D]` */
  readonly query: Value;
  /** `[B, K, S, D]` */
  readonly key: Value;
  /** `[B, K, S, V]` */
  readonly value: Value;
  readonly heads: number;
  readonly keyHeads: number;
  readonly scale: number;
  /** Scores become `c·tanh(score / c)`; 0 leaves them. */
  readonly softcap?: number;
  /** Terms added to the scores, each broadcastable to `[B, N, L, S]`, after soft-capping. */
  readonly masks?: readonly Value[];
  /** One extra score for each head `[N]`, which takes its part of the softmax and gives nothing. */
  readonly sink?: Value;
  /** Whether the masks hide every key after `S − L + i` from query i, so that these need not be computed. */
  readonly isCausal?: boolean;
}

/**
 * Attention in blocks of queries, each with the keys that its last query sees: a causal mask hides half of all
 * scores, and b blocks compute (b + 1) / 2b of them instead of all.
 *
 * Keys are cut by `Split` and joined again, whose gradients are copies; slices would scatter theirs.
 */
export function blockwiseAttention(ops: Operations, inputs: AttentionInputs): Value {
  const blocks = ops.causalBlocks;
  if (inputs.isCausal !== true || blocks < 2) return scaledDotProductAttention(ops, inputs);
  const { query, key, value, masks = [] } = inputs;
  const length = ops.size(query, 2);
  const step = ops.div(length, ops.int64([blocks]));
  const lastStep = ops.sub(length, ops.mul(step, ops.int64([blocks - 1])));
  const steps = Array.from({ length: blocks }, (_, block) =>
    block === blocks - 1 ? lastStep : step,
  );
  // The first block of keys holds the past too.
  const first = ops.add(ops.sub(ops.size(key, 2), length), step);
  const keySizes = ops.concat([first, ...steps.slice(1)], 0);
  const queries = ops.split(query, ops.concat(steps, 0), 2, blocks);
  const keys = ops.split(key, keySizes, 2, blocks);
  const values = ops.split(value, keySizes, 2, blocks);
  const known = ops.shapeInfo(query)?.[2];
  const isNeverEmpty = typeof known === 'number' && known >= blocks;
  const results = queries.map((part, block) => {
    const size = steps[block] ?? step;
    const seenBy = (parts: readonly Value[]): Value => {
      const seen = ops.concat(parts.slice(0, block + 1), 2);
      return isNeverEmpty || block === blocks - 1 ? seen : noneForNone(ops, seen, size);
    };
    const seen = seenBy(keys);
    const start = ops.mul(step, ops.int64([block]));
    const end = ops.add(start, size);
    const cut = (mask: Value): Value =>
      ops.slice(ops.slice(mask, start, end, -2), 0, ops.size(seen, 2), -1);
    return scaledDotProductAttention(ops, {
      ...inputs,
      query: part,
      key: seen,
      value: seenBy(values),
      masks: masks.map(cut),
    });
  });
  return ops.concat(results, 2);
}

/**
 * No keys where there are no queries. FusedMatMul of ONNX Runtime 1.30 leaves the memory of a batched product
 * over an axis of size 0 as it finds it, so the gradient of such keys would be anything.
 */
function noneForNone(ops: Operations, keys: Value, queryCount: Value): Value {
  const total = ops.size(keys, 2);
  const kept = ops.mul(total, ops.emit('Min', [queryCount, ops.int64([1])]));
  return ops.split(keys, ops.concat([kept, ops.sub(total, kept)], 0), 2, 2)[0] ?? '';
}

/**
 * softmax(scale·Q Kᵀ + masks) V, as `[B, N, L, V]`.
 *
 * Query heads that share a key head lie one after another, so they are seen as rows of one product,
 * `[B, K, (N/K)·L, D]`: keys and values are not repeated, and their gradients need no sum over the group.
 */
export function scaledDotProductAttention(ops: Operations, inputs: AttentionInputs): Value {
  const { key, value, heads, keyHeads, scale, softcap = 0, masks = [], sink } = inputs;
  const isGrouped = heads !== keyHeads;
  const queryLength = ops.size(inputs.query, 2);
  // Sizes are written out, not left to the operator: a block of queries may be empty.
  const withHeads = (x: Value, count: number, length: Value): Value =>
    ops.reshape(x, ops.concat([ops.size(x, 0), ops.int64([count]), length, ops.size(x, 3)], 0), {
      allowzero: 1,
    });
  const rows = ops.mul(queryLength, ops.int64([heads / keyHeads]));
  const grouped = (x: Value): Value => (isGrouped ? withHeads(x, keyHeads, rows) : x);
  const perHead = (x: Value): Value => (isGrouped ? withHeads(x, heads, queryLength) : x);
  let scores = ops.matMul(grouped(inputs.query), key, { transposeB: true, scale });
  if (softcap > 0) scores = ops.mul(ops.tanh(ops.mul(scores, 1 / softcap)), softcap);
  scores = perHead(scores);
  for (const mask of masks) scores = ops.add(scores, mask);
  const probabilities =
    sink === undefined ? ops.softmax(scores, -1) : softmaxWithSink(ops, scores, sink, heads);
  return perHead(ops.matMul(grouped(probabilities), value));
}

function softmaxWithSink(ops: Operations, scores: Value, sink: Value, heads: number): Value {
  const shape = ops.concat(
    [ops.size(scores, 0), ops.int64([heads]), ops.size(scores, 2), ops.int64([1])],
    0,
  );
  const column = ops.expand(
    ops.reshape(ops.cast(sink, ops.typeOf(scores)), [1, heads, 1, 1]),
    shape,
  );
  const all = ops.softmax(ops.concat([scores, column], 3), -1);
  return ops.slice(all, 0, ops.size(scores, 3), 3);
}

/** `[B, S, N·D]` to `[B, N, S, D]`. */
export function splitHeads(ops: Operations, x: Value, heads: number): Value {
  const shape = ops.concat([ops.size(x, 0), ops.size(x, 1), ops.int64([heads, -1])], 0);
  return ops.transpose(ops.reshape(x, shape), [0, 2, 1, 3]);
}

/** `[B, N, S, D]` to `[B, S, N·D]`. */
export function mergeHeads(ops: Operations, x: Value): Value {
  const merged = ops.transpose(x, [0, 2, 1, 3]);
  return ops.reshape(
    merged,
    ops.concat([ops.size(merged, 0), ops.size(merged, 1), ops.int64([-1])], 0),
  );
}

/** A score that no softmax sees, and that two of can be added without overflow, by type. */
function maskedScore(ops: Operations, like: Value): number {
  return ops.typeOf(like) === 'float16' ? -3e4 : -1e30;
}

/** Additive mask from a condition: 0 where it holds. */
export function additiveMask(ops: Operations, keep: Value, like: Value): Value {
  const type = ops.typeOf(like);
  return ops.where(keep, ops.scalar(0, type), ops.scalar(maskedScore(ops, like), type));
}

export interface CausalMaskOptions {
  /** L, an int64 tensor of shape [1]. */
  readonly queryLength: Value;
  /** S, likewise. */
  readonly keyLength: Value;
  /** Position of the first query among the keys, likewise. Default: S − L, the length of the past. */
  readonly offset?: Value;
  /** How many keys a query sees, itself included; undefined for all before it. */
  readonly window?: number | undefined;
  /** A value of the type that the mask is to have. */
  readonly like: Value;
}

/** `[L, S]`: query i at position p = i + offset sees keys j ≤ p, and j > p − window. */
export function causalMask(ops: Operations, options: CausalMaskOptions): Value {
  const { queryLength, keyLength, window, like } = options;
  const offset = options.offset ?? ops.sub(keyLength, queryLength);
  const positions = ops.unsqueeze(ops.add(ops.range(queryLength), offset), [1]);
  const keys = ops.unsqueeze(ops.range(keyLength), [0]);
  let keep = ops.lessOrEqual(keys, positions);
  if (window !== undefined) keep = ops.and(keep, ops.greater(keys, ops.sub(positions, window)));
  return additiveMask(ops, keep, like);
}
