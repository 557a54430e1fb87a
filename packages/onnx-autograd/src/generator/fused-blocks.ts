import type { Value } from '../graph/graph-builder.js';
import type { ModelWriter } from './model-writer.js';
import type { AttentionOptions, RotaryOptions } from './raw-blocks.js';

/** First norm of the graph. */
export function fusedNorm(
  writer: ModelWriter,
  x: Value,
  name: string,
  { size, epsilon }: { readonly size: number; readonly epsilon: number },
): Value {
  return writer.inModule(name, () =>
    writer.ops.emit(
      'SimplifiedLayerNormalization',
      [x, writer.parameter(`${name}.weight`, [size])],
      {
        attributes: { axis: -1, epsilon: { float: epsilon }, stash_type: 1 },
      },
    ),
  );
}

/** Adds a block's result to the residual stream and normalizes the sum. */
export function fusedSkipNorm(
  writer: ModelWriter,
  { stream, added }: { readonly stream: Value; readonly added: Value },
  name: string,
  { size, epsilon }: { readonly size: number; readonly epsilon: number },
): { normalized: Value; stream: Value } {
  const { builder } = writer;
  return writer.inModule(name, () => {
    const [normalized = '', , , sum = ''] = builder.emit(
      'SkipSimplifiedLayerNormalization',
      [stream, added, writer.parameter(`${name}.weight`, [size])],
      {
        domain: 'com.microsoft',
        attributes: { epsilon: { float: epsilon } },
        outputs: [builder.freshName('output_0'), '', '', builder.freshName('output_3')],
      },
    );
    return { normalized, stream: sum };
  });
}

/** What all layers share. */
export interface FusedShared {
  /** Real tokens of each row minus 1, int32 `[batch]`. */
  readonly lengths: Value;
  /** Columns of the attention mask, an int32 scalar. */
  readonly total: Value;
  /** `[positions, head size / 2]` */
  readonly cos: Value;
  readonly sin: Value;
}

export function fusedShared(
  writer: ModelWriter,
  attentionMask: Value,
  options: RotaryOptions & { readonly maximumPositions: number },
): FusedShared {
  const { ops } = writer;
  const { headDim, ropeTheta, maximumPositions } = options;
  const half = headDim / 2;
  const table = (name: string, of: (angle: number) => number): Value =>
    writer.table(name, [maximumPositions, half], (index) =>
      of(Math.floor(index / half) * ropeTheta ** (-(index % half) / half)),
    );
  return writer.within('/model/attn_mask_reformat', () => {
    const count = ops.reduceSum(attentionMask, [1], false);
    return {
      lengths: ops.cast(ops.sub(count, ops.int64([1])), 'int32'),
      total: ops.cast(ops.gather(ops.shape(attentionMask), ops.int64Scalar(1), 0), 'int32'),
      cos: table('cos_cache', Math.cos),
      sin: table('sin_cache', Math.sin),
    };
  });
}

/**
 * Self-attention of one layer by GroupQueryAttention, which turns queries and keys by position; with
 * `positions` (mRoPE), MRotaryEmbedding turns them before it.
 */
export function fusedAttention(
  writer: ModelWriter,
  x: Value,
  layer: number,
  options: AttentionOptions &
    RotaryOptions & { readonly shared: FusedShared; readonly positions: Value },
): Value {
  const { builder } = writer;
  const { hidden, heads, keyValueHeads, headDim, qkvBias, mropeSections, shared } = options;
  const name = `model.layers.${layer}.self_attn`;
  const isPlain = mropeSections === undefined;
  return writer.inModule(name, () => {
    const project = (part: string, count: number): Value =>
      writer.linear(x, `${name}.${part}`, {
        inFeatures: hidden,
        outFeatures: count * headDim,
        bias: qkvBias,
      });
    const turn = (value: Value, count: number): Value =>
      isPlain ? value : turnBySection(writer, value, count, { ...options, mropeSections });
    const query = turn(project('q_proj', heads), heads);
    const key = turn(project('k_proj', keyValueHeads), keyValueHeads);
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
        ...(isPlain ? [shared.cos, shared.sin] : []),
      ],
      {
        domain: 'com.microsoft',
        attributes: {
          num_heads: heads,
          kv_num_heads: keyValueHeads,
          scale: { float: 1 / Math.sqrt(headDim) },
          local_window_size: -1,
          do_rotary: isPlain ? 1 : 0,
          rotary_interleaved: 0,
        },
        outputs: [
          builder.freshName('GroupQueryAttention/output_0'),
          `present.${layer}.key`,
          `present.${layer}.value`,
        ],
      },
    );
    return writer.linear(attended, `${name}.o_proj`, {
      inFeatures: heads * headDim,
      outFeatures: hidden,
    });
  });
}

function turnBySection(
  { ops }: ModelWriter,
  x: Value,
  heads: number,
  options: {
    readonly shared: FusedShared;
    readonly positions: Value;
    readonly mropeSections: readonly number[];
  },
): Value {
  const { shared, positions, mropeSections } = options;
  return ops.emit('MRotaryEmbedding', [x, positions, shared.cos, shared.sin], {
    domain: 'com.microsoft',
    attributes: { num_heads: heads, mrope_section: mropeSections, interleaved: 0 },
  });
}
