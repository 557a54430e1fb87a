import type { Value } from '../graph/graph-builder.js';
import type { DecoderWriter } from './decoder-writer.js';

/** x / √(mean(x²) + ε) ⊙ scale, operator by operator as torch.onnx.export writes it. */
export function rmsNorm({ ops, options }: DecoderWriter, x: Value, scale: Value): Value {
  const power = ops.reduceMean(ops.pow(x, 2), [-1], true);
  const inverse = ops.reciprocal(ops.sqrt(ops.add(power, options.epsilon)));
  return ops.mul(scale, ops.mul(x, inverse));
}

/** Cosines and sines of all positions, `[batch, 1, sequence, head size]`. */
export interface RotaryTables {
  readonly cos: Value;
  readonly sin: Value;
}

export function rotaryTables(writer: DecoderWriter, positions: Value): RotaryTables {
  const { ops, options } = writer;
  const half = options.headSize / 2;
  const frequencies = writer.weight('model.rotary_emb.inv_freq', [1, half, 1], (bytes) => {
    const values = new Float32Array(bytes.buffer, bytes.byteOffset, half);
    for (let index = 0; index < half; index++) values[index] = options.ropeTheta ** (-index / half);
  });
  const sections = options.mropeSections;
  // [batch, 1, sequence] or [3, batch, 1, sequence]
  const places = ops.unsqueeze(ops.cast(positions, 'float32'), [sections === undefined ? 1 : 2]);
  const product = ops.emit('MatMul', [frequencies, places]);
  const angles = ops.transpose(product, sections === undefined ? [0, 2, 1] : [0, 1, 3, 2]);
  const doubled = ops.concat([angles, angles], -1);
  const pick = (table: Value): Value =>
    ops.unsqueeze(sections === undefined ? table : bySection(writer, table, sections), [1]);
  return { cos: pick(ops.cos(doubled)), sin: pick(ops.sin(doubled)) };
}

/** Of `[3, batch, sequence, size]`, takes section i of each half from plane i. */
function bySection({ ops }: DecoderWriter, table: Value, sections: readonly number[]): Value {
  const sizes = [...sections, ...sections];
  const parts = ops.split(table, ops.int64(sizes), -1, sizes.length);
  return ops.concat(
    parts.map((part, index) => ops.gather(part, ops.int64Scalar(index % 3), 0)),
    -1,
  );
}

/** x cos + rotateHalf(x) sin, with x `[batch, heads, sequence, head size]`. */
export function rotate(
  { ops, options }: DecoderWriter,
  x: Value,
  { cos, sin }: RotaryTables,
): Value {
  const half = options.headSize / 2;
  const [first, second] = [
    ops.slice(x, 0, half, 3),
    ops.slice(x, half, Number.MAX_SAFE_INTEGER, 3),
  ];
  const turned = ops.concat([ops.neg(second), first], -1);
  return ops.add(ops.mul(x, cos), ops.mul(turned, sin));
}

/** Additive mask `[batch, 1, sequence, total]`: keys up to the query's position that are not padding. */
export function causalPaddingMask(
  { ops }: DecoderWriter,
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

/** Self-attention of one layer with its past; `x` is normalized. Returns `[batch, sequence, hidden]`. */
export function rawAttention(
  writer: DecoderWriter,
  x: Value,
  layer: number,
  shared: { readonly tables: RotaryTables; readonly mask: Value },
): Value {
  const { ops, options } = writer;
  const { hidden, heads, keyValueHeads, headSize, biases } = options;
  const name = `model.layers.${layer}.self_attn`;
  const project = (part: string, count: number): Value => {
    const flat = writer.linear(x, `${name}.${part}`, [hidden, count * headSize], biases);
    const shape = ops.concat([ops.size(x, 0), ops.size(x, 1), ops.int64([count, headSize])], 0);
    return ops.transpose(ops.reshape(flat, shape), [0, 2, 1, 3]);
  };
  const query = rotate(writer, project('q_proj', heads), shared.tables);
  const newKey = rotate(writer, project('k_proj', keyValueHeads), shared.tables);
  const newValue = project('v_proj', keyValueHeads);
  const key = ops.concat([`past_key_values.${layer}.key`, newKey], 2);
  const value = ops.concat([`past_key_values.${layer}.value`, newValue], 2);
  writer.output(key, `present.${layer}.key`, presentShape(writer));
  writer.output(value, `present.${layer}.value`, presentShape(writer));
  const scores = ops.emit('MatMul', [query, ops.transpose(repeatHeads(writer, key), [0, 1, 3, 2])]);
  const masked = ops.add(ops.div(scores, Math.sqrt(headSize)), shared.mask);
  const attended = ops.emit('MatMul', [ops.softmax(masked, -1), repeatHeads(writer, value)]);
  const merged = ops.reshape(
    ops.transpose(attended, [0, 2, 1, 3]),
    ops.concat([ops.size(x, 0), ops.size(x, 1), ops.int64([heads * headSize])], 0),
  );
  return writer.linear(merged, `${name}.o_proj`, [heads * headSize, hidden]);
}

/** Declared shape of a layer's keys and values after the run. */
export function presentShape({ options }: DecoderWriter): (number | string)[] {
  return ['batch_size', options.keyValueHeads, 'total_sequence_length', options.headSize];
}

/** Repeats key heads so that there is one for each query head (transformers' repeat_kv). */
function repeatHeads({ ops, options }: DecoderWriter, x: Value): Value {
  const { heads, keyValueHeads, headSize } = options;
  if (heads === keyValueHeads) return x;
  const [batch, length] = [ops.size(x, 0), ops.size(x, 2)];
  const wide = ops.concat(
    [batch, ops.int64([keyValueHeads, heads / keyValueHeads]), length, ops.int64([headSize])],
    0,
  );
  const flat = ops.concat([batch, ops.int64([heads]), length, ops.int64([headSize])], 0);
  return ops.reshape(ops.expand(ops.unsqueeze(x, [2]), wide), flat);
}

/** down(silu(gate x) ⊙ up x) */
export function gatedFeedForward(writer: DecoderWriter, x: Value, layer: number): Value {
  const { ops, options } = writer;
  const name = `model.layers.${layer}.mlp`;
  const sizes = [options.hidden, options.feedForward] as const;
  const gate = writer.linear(x, `${name}.gate_proj`, sizes);
  const up = writer.linear(x, `${name}.up_proj`, sizes);
  const activated = ops.mul(ops.mul(gate, ops.sigmoid(gate)), up);
  return writer.linear(activated, `${name}.down_proj`, [options.feedForward, options.hidden]);
}
