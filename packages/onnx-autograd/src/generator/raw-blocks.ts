import type { Value } from '../graph/graph-builder.js';
import type { ModelWriter } from './model-writer.js';

/**
 * x / √(mean(x²) + ε) ⊙ weight, operator by operator as torch.onnx exports it.
 *
 * @param name Module of the norm: its weight is `<name>.weight`.
 */
export function rmsNorm(
  writer: ModelWriter,
  x: Value,
  name: string,
  { size, epsilon }: { readonly size: number; readonly epsilon: number },
): Value {
  const { ops } = writer;
  return writer.inModule(name, () => {
    const power = ops.reduceMean(ops.pow(x, 2), [-1], true);
    const inverse = ops.div(1, ops.sqrt(ops.add(power, epsilon)));
    return ops.mul(writer.parameter(`${name}.weight`, [size]), ops.mul(x, inverse));
  });
}

/** Cosines and sines of all positions, `[batch, 1, sequence, head size]`. */
export interface RotaryTables {
  readonly cos: Value;
  readonly sin: Value;
}

export interface RotaryOptions {
  readonly headDim: number;
  readonly ropeTheta: number;
  readonly mropeSections?: readonly number[] | undefined;
}

/**
 * @param positions int64 `[batch, sequence]`, or `[3, batch, sequence]` with `mropeSections`.
 * @see Su et al., "RoFormer", 2021; Wang et al., "Qwen2-VL", 2024 (mRoPE).
 */
export function rotaryTables(
  writer: ModelWriter,
  positions: Value,
  { headDim, ropeTheta, mropeSections }: RotaryOptions,
): RotaryTables {
  const { ops } = writer;
  const half = headDim / 2;
  return writer.inModule('model.rotary_emb', () => {
    const frequencies = writer.table(
      'model.rotary_emb.inv_freq',
      [1, half, 1],
      (index) => ropeTheta ** (-index / half),
    );
    const isPlain = mropeSections === undefined;
    // [batch, 1, sequence] or [3, batch, 1, sequence]
    const places = ops.unsqueeze(ops.cast(positions, 'float32'), [isPlain ? 1 : 2]);
    const product = ops.emit('MatMul', [frequencies, places]);
    const angles = ops.transpose(product, isPlain ? [0, 2, 1] : [0, 1, 3, 2]);
    const doubled = ops.concat([angles, angles], -1);
    const pick = (table: Value): Value =>
      ops.unsqueeze(isPlain ? table : bySection(writer, table, mropeSections), [1]);
    return { cos: pick(ops.cos(doubled)), sin: pick(ops.sin(doubled)) };
  });
}

/** Of `[3, batch, sequence, size]`, takes section i of each half from plane i. */
function bySection({ ops }: ModelWriter, table: Value, sections: readonly number[]): Value {
  const sizes = [...sections, ...sections];
  const parts = ops.split(table, ops.int64(sizes), -1, sizes.length);
  return ops.concat(
    parts.map((part, index) => ops.gather(part, ops.int64Scalar(index % sections.length), 0)),
    -1,
  );
}

/** x cos + rotateHalf(x) sin, with x `[batch, heads, sequence, head size]`. */
export function rotate(
  { ops }: ModelWriter,
  x: Value,
  { cos, sin }: RotaryTables,
  headDim: number,
): Value {
  const half = headDim / 2;
  const first = ops.slice(x, 0, half, 3);
  const second = ops.slice(x, half, Number.MAX_SAFE_INTEGER, 3);
  const turned = ops.concat([ops.neg(second), first], -1);
  return ops.add(ops.mul(x, cos), ops.mul(turned, sin));
}

/** Additive mask `[batch, 1, sequence, total]`: keys up to the query's position that are not padding. */
export function causalPaddingMask(
  { ops }: ModelWriter,
  embeddings: Value,
  attentionMask: Value,
): Value {
  const [length, total] = [ops.size(embeddings, 1), ops.size(attentionMask, 1)];
  const positions = ops.add(ops.range(length), ops.sub(total, length));
  const isPast = ops.lessOrEqual(
    ops.unsqueeze(ops.range(total), [0]),
    ops.unsqueeze(positions, [1]),
  );
  const isReal = ops.unsqueeze(ops.cast(attentionMask, 'bool'), [1, 2]);
  const keep = ops.and(ops.unsqueeze(isPast, [0, 1]), isReal);
  // The lowest float32, as transformers fills it in.
  return ops.where(keep, ops.scalar(0, 'float32'), ops.scalar(-3.4028234663852886e38, 'float32'));
}

export interface AttentionOptions {
  readonly hidden: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  /** Biases of the query, key and value projections. */
  readonly qkvBias: boolean;
}

/**
 * Self-attention of one layer with its past, as torch.onnx exports scaled_dot_product_attention. Its presents
 * become outputs of the graph.
 *
 * @param x Normalized, `[batch, sequence, hidden]`.
 */
export function rawAttention(
  writer: ModelWriter,
  x: Value,
  layer: number,
  options: AttentionOptions & { readonly tables: RotaryTables; readonly mask: Value },
): Value {
  const { ops } = writer;
  const { hidden, heads, keyValueHeads, headDim, qkvBias, tables, mask } = options;
  const name = `model.layers.${layer}.self_attn`;
  return writer.inModule(name, () => {
    const project = (part: string, count: number): Value => {
      const sizes = { inFeatures: hidden, outFeatures: count * headDim, bias: qkvBias };
      const flat = writer.linear(x, `${name}.${part}`, sizes);
      const shape = ops.concat([ops.size(x, 0), ops.size(x, 1), ops.int64([count, headDim])], 0);
      return ops.transpose(ops.reshape(flat, shape), [0, 2, 1, 3]);
    };
    const withPast = (kind: 'key' | 'value', added: Value): Value =>
      writer.builder.emit('Concat', [`past_key_values.${layer}.${kind}`, added], {
        attributes: { axis: 2 },
        outputs: [`present.${layer}.${kind}`],
      })[0] ?? '';
    const query = rotate(writer, project('q_proj', heads), tables, headDim);
    const newKey = rotate(writer, project('k_proj', keyValueHeads), tables, headDim);
    const newValue = project('v_proj', keyValueHeads);
    const key = repeatHeads(writer, withPast('key', newKey), options);
    const value = repeatHeads(writer, withPast('value', newValue), options);
    // torch.onnx scales both operands by the root of the scale, so that halves do not overflow.
    const root = headDim ** -0.25;
    const scores = ops.emit('MatMul', [
      ops.mul(query, root),
      ops.mul(ops.transpose(key, [0, 1, 3, 2]), root),
    ]);
    const attended = ops.emit('MatMul', [ops.softmax(ops.add(scores, mask), -1), value]);
    const merged = ops.reshape(
      ops.transpose(attended, [0, 2, 1, 3]),
      ops.concat([ops.size(x, 0), ops.size(x, 1), ops.int64([heads * headDim])], 0),
    );
    return writer.linear(merged, `${name}.o_proj`, {
      inFeatures: heads * headDim,
      outFeatures: hidden,
    });
  });
}

/** Repeats key heads so that there is one for each query head (transformers' repeat_kv). */
function repeatHeads(
  { ops }: ModelWriter,
  x: Value,
  { heads, keyValueHeads, headDim }: AttentionOptions,
): Value {
  if (heads === keyValueHeads) return x;
  const [batch, length] = [ops.size(x, 0), ops.size(x, 2)];
  const wide = ops.concat(
    [batch, ops.int64([keyValueHeads, heads / keyValueHeads]), length, ops.int64([headDim])],
    0,
  );
  const flat = ops.concat([batch, ops.int64([heads]), length, ops.int64([headDim])], 0);
  return ops.reshape(ops.expand(ops.unsqueeze(x, [2]), wide), flat);
}

/**
 * down(silu(gate x) ⊙ up x), the same in both styles.
 *
 * @param name Module of the block, such as `model.layers.0.mlp`.
 */
export function gatedFeedForward(
  writer: ModelWriter,
  x: Value,
  name: string,
  { hidden, feedForward }: { readonly hidden: number; readonly feedForward: number },
): Value {
  const { ops } = writer;
  return writer.inModule(name, () => {
    const sizes = { inFeatures: hidden, outFeatures: feedForward };
    const gate = writer.linear(x, `${name}.gate_proj`, sizes);
    const up = writer.linear(x, `${name}.up_proj`, sizes);
    const activated = ops.mul(ops.mul(gate, ops.sigmoid(gate)), up);
    return writer.linear(activated, `${name}.down_proj`, {
      inFeatures: feedForward,
      outFeatures: hidden,
    });
  });
}
