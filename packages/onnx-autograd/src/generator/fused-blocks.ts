import type { Value } from '../graph/graph-builder.js';
import type { DecoderWriter } from './decoder-writer.js';
import { presentShape } from './raw-blocks.js';

/** First norm of the graph. */
export function fusedNorm({ ops, options }: DecoderWriter, x: Value, scale: Value): Value {
  return ops.emit('SimplifiedLayerNormalization', [x, scale], {
    attributes: { axis: -1, epsilon: { float: options.epsilon }, stash_type: 1 },
  });
}

/** Adds a block's result to the residual stream and normalizes the sum. */
export function fusedSkipNorm(
  { builder, options }: DecoderWriter,
  stream: Value,
  added: Value,
  scale: Value,
): { normalized: Value; stream: Value } {
  const [normalized = '', , , sum = ''] = builder.emit(
    'SkipSimplifiedLayerNormalization',
    [stream, added, scale],
    {
      domain: 'com.microsoft',
      attributes: { epsilon: { float: options.epsilon } },
      outputs: [builder.freshName('SkipNorm'), '', '', builder.freshName('ResidualStream')],
    },
  );
  return { normalized, stream: sum };
}

/** What all layers share: lengths from the mask, and tables of cosines and sines `[positions, head size / 2]`. */
export interface FusedShared {
  readonly lengths: Value;
  readonly total: Value;
  readonly cos: Value;
  readonly sin: Value;
}

export function fusedShared(writer: DecoderWriter, attentionMask: Value): FusedShared {
  const { ops, options } = writer;
  const half = options.headSize / 2;
  const table = (name: string, of: (angle: number) => number): Value =>
    writer.weight(name, [options.maximumPositions, half], (bytes) => {
      const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
      for (let index = 0; index < values.length; index++) {
        values[index] = of(
          Math.floor(index / half) * options.ropeTheta ** (-(index % half) / half),
        );
      }
    });
  const count = ops.reduceSum(attentionMask, [1], false);
  return {
    lengths: ops.cast(ops.sub(count, ops.int64([1])), 'int32'),
    total: ops.cast(ops.squeeze(ops.size(attentionMask, 1), [0]), 'int32'),
    cos: table('cos_cache', Math.cos),
    sin: table('sin_cache', Math.sin),
  };
}

/** Self-attention of one layer by GroupQueryAttention; with mRoPE, queries and keys are turned before it. */
export function fusedAttention(
  writer: DecoderWriter,
  x: Value,
  layer: number,
  shared: FusedShared,
): Value {
  const { builder, options } = writer;
  const { hidden, heads, keyValueHeads, headSize, biases, mropeSections } = options;
  const name = `model.layers.${layer}.self_attn`;
  const project = (part: string, count: number): Value =>
    writer.linear(x, `${name}.${part}`, [hidden, count * headSize], biases);
  const turn = (value: Value, count: number): Value =>
    mropeSections === undefined ? value : turnBySection(writer, value, count, shared);
  const query = turn(project('q_proj', heads), heads);
  const key = turn(project('k_proj', keyValueHeads), keyValueHeads);
  const presents = [`present.${layer}.key`, `present.${layer}.value`];
  const tables = mropeSections === undefined ? [shared.cos, shared.sin] : [];
  const [attended = ''] = builder.emit(
    'GroupQueryAttention',
    [
      query,
      key,
      project('v_proj', keyValueHeads),
      `past_key_values.${layer}.key`,
      `past_key_values.${layer}.value`,
      shared.lengths,
      shared.total,
      ...tables,
    ],
    {
      domain: 'com.microsoft',
      attributes: {
        num_heads: heads,
        kv_num_heads: keyValueHeads,
        scale: { float: 1 / Math.sqrt(headSize) },
        do_rotary: mropeSections === undefined ? 1 : 0,
      },
      outputs: [builder.freshName('GroupQueryAttention'), ...presents],
    },
  );
  for (const present of presents) writer.output(present, present, presentShape(writer));
  return writer.linear(attended, `${name}.o_proj`, [heads * headSize, hidden]);
}

function turnBySection(
  { ops, options }: DecoderWriter,
  x: Value,
  heads: number,
  shared: FusedShared,
): Value {
  return ops.emit('MRotaryEmbedding', [x, 'position_ids', shared.cos, shared.sin], {
    domain: 'com.microsoft',
    attributes: { num_heads: heads, mrope_section: options.mropeSections },
  });
}
