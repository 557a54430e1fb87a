import { z } from 'zod';
import { parseSettings } from '../encode/model-files.js';
import { VlmError } from '../errors.js';
import { normalizationTable } from '../images/normalize.js';
import { resizeImage } from '../images/resample.js';
import type { ImageSize, RgbImage } from '../images/rgb-image.js';
import type { PlainTensor } from '../types/prompt.js';
import type { FamilyContext, ImagePlan, ImageProcessor } from './family.js';
import {
  commonImageSettings,
  normalizationOf,
  resampleFilterOf,
  roundHalfEven,
} from './image-settings.js';

const positive = z.number().int().positive();

const settingsSchema = commonImageSettings.extend({
  patch_size: positive.default(14),
  temporal_patch_size: positive.default(2),
  merge_size: positive.default(2),
  min_pixels: positive.nullish(),
  max_pixels: positive.nullish(),
  size: z.object({ shortest_edge: positive.nullish(), longest_edge: positive.nullish() }).nullish(),
});

// The means and deviations of CLIP's training images, which Qwen2-VL's processor takes where none are given.
const clip = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};

/** Longer side over shorter side, above which Qwen's processors refuse a picture. */
const largestAspectRatio = 200;

/**
 * The size to which a picture is scaled: sides divisible by `factor`, the area within the bounds, the proportions kept
 * as far as that allows. `smart_resize` of transformers, with Python's rounding: a side of 2.5 factors becomes 2.
 */
export function smartResize(
  { width, height }: ImageSize,
  limits: { readonly factor: number; readonly minPixels: number; readonly maxPixels: number },
): ImageSize {
  const { factor, minPixels, maxPixels } = limits;
  const rounded = {
    width: roundHalfEven(width / factor) * factor,
    height: roundHalfEven(height / factor) * factor,
  };
  const area = rounded.width * rounded.height;
  if (area > maxPixels) {
    const shrink = Math.sqrt((height * width) / maxPixels);
    const fit = (side: number): number =>
      Math.max(factor, Math.floor(side / shrink / factor) * factor);
    return { width: fit(width), height: fit(height) };
  }
  if (area < minPixels) {
    const grow = Math.sqrt(minPixels / (height * width));
    const fit = (side: number): number => Math.ceil((side * grow) / factor) * factor;
    return { width: fit(width), height: fit(height) };
  }
  return rounded;
}

/**
 * Image processing of the Qwen-VL families: patches of a picture of its own size.
 *
 * @param gridInput Name of the vision encoder's input that holds frames, rows and columns of patches.
 */
export function qwenImageProcessor(context: FamilyContext, gridInput: string): ImageProcessor {
  const settings = parseSettings(settingsSchema, context.preprocessor, 'preprocessor_config.json');
  const { patch_size: patch, temporal_patch_size: frames, merge_size: merge } = settings;
  const factor = patch * merge;
  const minPixels = settings.min_pixels ?? settings.size?.shortest_edge ?? 56 * 56;
  const maxPixels = settings.max_pixels ?? settings.size?.longest_edge ?? 28 * 28 * 1280;
  const table = normalizationTable(normalizationOf(settings, clip));
  const filter = resampleFilterOf(settings, 'bicubic');
  const isResized = settings.do_resize ?? true;
  const placeholder = context.tokenContent(context.config.imageTokenId) ?? '<|image_pad|>';

  function plan(size: ImageSize, name: string): ImagePlan {
    const ratio = Math.max(size.width, size.height) / Math.min(size.width, size.height);
    if (ratio > largestAspectRatio)
      throw new VlmError(
        'image',
        `${name} is ${size.width} x ${size.height} pixels: one side is more than ${largestAspectRatio} times the ` +
          'other, which the model does not take. Crop it or pad it.',
      );
    const target = isResized ? smartResize(size, { factor, minPixels, maxPixels }) : size;
    if (target.width % factor !== 0 || target.height % factor !== 0)
      throw new VlmError(
        'image',
        `${name} is ${size.width} x ${size.height} pixels and the model's processor does not resize: pass sides ` +
          `divisible by ${factor}.`,
      );
    const rows = target.height / patch;
    const columns = target.width / patch;
    const tokens = (rows * columns) / merge ** 2;
    return {
      text: [{ text: placeholder.repeat(tokens), isPlaceholder: true }],
      tokens,
      grid: { rows: rows / merge, columns: columns / merge },
      process: (image) => ({
        pixel_values: patches(resizeImage(image, target, filter), { patch, merge, frames, table }),
        [gridInput]: {
          type: 'int64',
          dims: [1, 3],
          data: BigInt64Array.of(1n, BigInt(rows), BigInt(columns)),
        },
      }),
    };
  }

  return { marker: placeholder, placeholder, plan };
}

/**
 * A picture cut into patches, in the order of the merged tokens: block row, block column, then the patches of a block.
 * A still picture fills all frames of a patch.
 *
 * @returns `[rows * columns, 3 * frames * patch * patch]`.
 */
function patches(
  image: RgbImage,
  layout: {
    readonly patch: number;
    readonly merge: number;
    readonly frames: number;
    readonly table: Float32Array;
  },
): PlainTensor {
  const { patch, merge, frames, table } = layout;
  const { width, height, data } = image;
  const rows = height / patch;
  const columns = width / patch;
  const values = new Float32Array(rows * columns * 3 * frames * patch * patch);
  let to = 0;
  for (let blockRow = 0; blockRow < rows; blockRow += merge)
    for (let blockColumn = 0; blockColumn < columns; blockColumn += merge)
      for (let row = blockRow; row < blockRow + merge; row++)
        for (let column = blockColumn; column < blockColumn + merge; column++)
          for (let channel = 0; channel < 3; channel++) {
            const start = to;
            for (let y = row * patch; y < (row + 1) * patch; y++) {
              let from = (y * width + column * patch) * 3 + channel;
              for (let x = 0; x < patch; x++, from += 3)
                values[to++] = table[channel * 256 + data[from]!]!;
            }
            for (let frame = 1; frame < frames; frame++) {
              values.copyWithin(to, start, start + patch * patch);
              to += patch * patch;
            }
          }
  return { type: 'float32', dims: [rows * columns, 3 * frames * patch * patch], data: values };
}
