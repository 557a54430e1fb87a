import type { Value } from '../graph/graph-builder.js';
import type { ModelWriter } from './model-writer.js';
import { type RotaryTables, rmsNorm } from './raw-blocks.js';
import type { ResolvedVisionOptions } from './vision-options.js';

/** Epsilon of all norms of the tower: a constant of the architecture, not of its configuration. */
const normEpsilon = 1e-6;

/**
 * Which patches attend to each other: those of one segment, a window or a picture, which lies in a row of
 * slots.
 */
export interface VisionSegments {
  /** `[patches, heads, size]` → `[segments, heads, slots, size]`. */
  spread(value: Value): Value;
  /** `[segments, heads, slots, size]` → `[patches, heads · size]`. */
  collect(value: Value): Value;
  /** Added to scores `[segments, heads, slots, slots]`: lowest where a slot is empty. */
  readonly mask?: Value;
}

/** Patches `[patches, channels · frames · side²]` to the tower's width; a convolution without overlap. */
export function embedPatches(
  writer: ModelWriter,
  pixels: Value,
  { hidden, temporalPatchSize, patchSize }: ResolvedVisionOptions,
): Value {
  return writer.linear(pixels, 'visual.patch_embed.proj', {
    inFeatures: 3 * temporalPatchSize * patchSize ** 2,
    outFeatures: hidden,
  });
}

/**
 * One block of the tower: attention inside segments and a gated feed-forward block, each after a norm.
 *
 * @param x `[patches, hidden]`.
 * @param options.tables Cosines and sines that broadcast with `[patches, 1, head size]`.
 * @see Bai et al., "Qwen2.5-VL Technical Report", 2025.
 */
export function visionBlock(
  writer: ModelWriter,
  x: Value,
  index: number,
  options: ResolvedVisionOptions & {
    readonly tables: RotaryTables;
    readonly segments: VisionSegments;
  },
): Value {
  const { ops } = writer;
  const { hidden, feedForward } = options;
  const name = `visual.blocks.${index}`;
  const norm = { size: hidden, epsilon: normEpsilon };
  const attended = attention(writer, rmsNorm(writer, x, `${name}.norm1`, norm), name, options);
  const stream = writer.inModule(name, () => ops.add(x, attended));
  const between = rmsNorm(writer, stream, `${name}.norm2`, norm);
  return writer.inModule(`${name}.mlp`, () => {
    const sizes = { inFeatures: hidden, outFeatures: feedForward, bias: true };
    const gate = writer.linear(between, `${name}.mlp.gate_proj`, sizes);
    const up = writer.linear(between, `${name}.mlp.up_proj`, sizes);
    const down = writer.linear(
      ops.mul(ops.mul(gate, ops.sigmoid(gate)), up),
      `${name}.mlp.down_proj`,
      { inFeatures: feedForward, outFeatures: hidden, bias: true },
    );
    return ops.add(stream, down);
  });
}

function attention(
  writer: ModelWriter,
  x: Value,
  block: string,
  {
    hidden,
    heads,
    tables,
    segments,
  }: ResolvedVisionOptions & { readonly tables: RotaryTables; readonly segments: VisionSegments },
): Value {
  const { ops } = writer;
  const headDim = hidden / heads;
  return writer.inModule(`${block}.attn`, () => {
    const sizes = { inFeatures: hidden, outFeatures: 3 * hidden, bias: true };
    const packed = writer.linear(x, `${block}.attn.qkv`, sizes);
    const [turning = '', value = ''] = ops.split(packed, ops.int64([2 * hidden, hidden]), -1, 2);
    // Queries and keys are turned together: [patches, 2 · heads, head size]
    const turned = rotateHeads(
      writer,
      ops.reshape(turning, [-1, 2 * heads, headDim]),
      tables,
      headDim,
    );
    const [query = '', key = ''] = ops.split(turned, ops.int64([heads, heads]), 1, 2);
    const scores = ops.emit('MatMul', [
      ops.mul(segments.spread(query), headDim ** -0.5),
      ops.transpose(segments.spread(key), [0, 1, 3, 2]),
    ]);
    const masked = segments.mask === undefined ? scores : ops.add(scores, segments.mask);
    const values = segments.spread(ops.reshape(value, [-1, heads, headDim]));
    const mixed = segments.collect(ops.emit('MatMul', [ops.softmax(masked, -1), values]));
    return writer.linear(mixed, `${block}.attn.proj`, {
      inFeatures: hidden,
      outFeatures: hidden,
      bias: true,
    });
  });
}

/** x cos + rotateHalf(x) sin over the last axis. */
function rotateHeads(
  { ops }: ModelWriter,
  x: Value,
  { cos, sin }: RotaryTables,
  headDim: number,
): Value {
  const half = headDim / 2;
  const [first = '', second = ''] = ops.split(x, ops.int64([half, half]), -1, 2);
  const turned = ops.concat([ops.neg(second), first], -1);
  return ops.add(ops.mul(x, cos), ops.mul(turned, sin));
}

/** Merges each `mergeSize²` patches that follow each other into one token of the decoder's width. */
export function mergePatches(
  writer: ModelWriter,
  x: Value,
  { hidden, mergeSize, outHidden }: ResolvedVisionOptions,
  output?: Value,
): Value {
  const { ops } = writer;
  const merged = hidden * mergeSize ** 2;
  const normalized = rmsNorm(writer, x, 'visual.merger.ln_q', {
    size: hidden,
    epsilon: normEpsilon,
  });
  return writer.inModule('visual.merger', () => {
    const flat = ops.reshape(normalized, [-1, merged]);
    const sizes = { inFeatures: merged, outFeatures: merged, bias: true };
    const wide = writer.linear(flat, 'visual.merger.mlp.0', sizes);
    // GELU in its exact form: x · (1 + erf(x / √2)) / 2
    const cumulative = ops.add(ops.erf(ops.div(wide, Math.SQRT2)), 1);
    const activated = ops.mul(ops.mul(wide, cumulative), 0.5);
    return writer.linear(activated, 'visual.merger.mlp.2', {
      inFeatures: merged,
      outFeatures: outHidden,
      bias: true,
      ...(output === undefined ? {} : { output }),
    });
  });
}

/**
 * Angles of each patch from its row and column, `[patches, 1, head size]`: the first quarter of the head (and
 * the third) turns with the row, the others with the column.
 *
 * @param rows float32 `[patches]`.
 */
export function axialTables(
  writer: ModelWriter,
  { rows, columns }: { readonly rows: Value; readonly columns: Value },
  { hidden, heads, ropeTheta }: ResolvedVisionOptions,
): RotaryTables {
  const { ops } = writer;
  const quarter = hidden / heads / 4;
  return writer.inModule('visual.rotary_pos_emb', () => {
    const frequencies = writer.table(
      'visual.rotary_pos_emb.inv_freq',
      [1, quarter],
      (index) => ropeTheta ** (-index / quarter),
    );
    const turn = (places: Value): Value => ops.mul(ops.unsqueeze(places, [1]), frequencies);
    const angles = ops.concat([turn(rows), turn(columns)], -1);
    const doubled = ops.unsqueeze(ops.concat([angles, angles], -1), [1]);
    return { cos: ops.cos(doubled), sin: ops.sin(doubled) };
  });
}
