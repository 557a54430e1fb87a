import type { OnnxModel } from '../codec/model.js';
import { ModelWriter } from './model-writer.js';
import { axialTables, embedPatches, mergePatches, visionBlock } from './vision-blocks.js';
import { visionGrid } from './vision-grid.js';
import {
  type ResolvedVisionOptions,
  resolveVisionOptions,
  type VisionOptions,
} from './vision-options.js';
import { memoryStore, type WeightStore } from './weight-store.js';

/**
 * Writes Qwen2.5-VL's vision tower with seeded random weights, in the interface of transformers.js.
 *
 * Inputs: `pixel_values` `[patches, 3 · frames · side²]`, `image_grid_thw` int64 `[images, 3]`. Output:
 * `image_features` `[patches / merge², outHidden]`, in the order of the patches. Initializers carry Hugging
 * Face names, such as `visual.blocks.0.attn.qkv.weight`; `visual.patch_embed.proj.weight` is the
 * convolution's kernel as a matrix, [hidden, 3 · frames · side²].
 *
 * Patches attend inside windows by being laid out in rows of slots, not by a mask over all pairs, so that
 * cost and memory grow with the number of pictures, not with its square.
 *
 * @throws {OnnxAutogradError} `invalid-argument` for sizes that do not fit together.
 */
export function generateVisionEncoder(options: VisionOptions): OnnxModel {
  return writeVisionEncoder(resolveVisionOptions(options), memoryStore()).build();
}

/** Writes the graph and hands its weights to the store. */
function writeVisionEncoder(options: ResolvedVisionOptions, store: WeightStore): ModelWriter {
  const { depth, outHidden, patchSize, temporalPatchSize, fullAttentionBlocks } = options;
  const writer = new ModelWriter({ source: options.source, store });
  const { ops } = writer;
  const values = 3 * temporalPatchSize * patchSize ** 2;
  const pixels = writer.input('pixel_values', 'float32', ['num_patches', values]);
  const grid = writer.input('image_grid_thw', 'int64', ['num_images', 3]);
  const { rows, columns, windows, pictures } = visionGrid(writer, { pixels, grid }, options);
  const tables = axialTables(
    writer,
    { rows: ops.cast(rows, 'float32'), columns: ops.cast(columns, 'float32') },
    options,
  );
  let stream = embedPatches(writer, pixels, options);
  for (let index = 0; index < depth; index++) {
    const segments = fullAttentionBlocks.includes(index) ? pictures : windows;
    stream = visionBlock(writer, stream, index, { ...options, tables, segments });
  }
  mergePatches(writer, stream, options, 'image_features');
  writer.output('image_features', ['num_features', outHidden]);
  return writer;
}

/** Shapes of the tower's weights by Hugging Face name, as in a checkpoint: a linear layer is `[out, in]`. */
export function visionWeightShapes(options: VisionOptions): ReadonlyMap<string, readonly number[]> {
  const resolved = resolveVisionOptions(options);
  const { hidden, temporalPatchSize, patchSize } = resolved;
  const { weightShapes } = writeVisionEncoder({ ...resolved, source: () => {} }, memoryStore());
  const shapes = new Map(weightShapes);
  shapes.set('visual.patch_embed.proj.weight', [
    hidden,
    3,
    temporalPatchSize,
    patchSize,
    patchSize,
  ]);
  return shapes;
}
