import type { Raster } from '@iapo/vqa-tools';
import { mergeSize, patchSize, temporalPatchSize } from '../model/architecture.js';
import {
  type PatchPlace,
  patchesPerPicture,
  processorOrder,
  valuesPerPatch,
  windowOrder,
} from '../model/picture-layout.js';

/** Mean and deviation of `preprocessor_config.json`, for all channels: −1 to 1. */
export const pixelMean = 0.5;
export const pixelDeviation = 0.5;

const normalized: Float32Array = Float32Array.from(
  { length: 256 },
  (_, byte) => (byte / 255 - pixelMean) / pixelDeviation,
);

/** Numbers of a picture of 64×64 pixels. */
export const valuesPerPicture: number = patchesPerPicture * valuesPerPatch;

/** Writes the patches of a 64×64 picture in window order, as the training graph takes them. */
export function writeWindowPatches(image: Raster, into: Float32Array): void {
  if (image.width !== 64 || image.height !== 64) {
    throw new RangeError(`A picture must have 64×64 pixels, got ${image.width}×${image.height}.`);
  }
  for (const [index, place] of windowOrder.entries()) {
    const patch = into.subarray(index * valuesPerPatch, (index + 1) * valuesPerPatch);
    writePatch(image, processorOrder[place] ?? { row: 0, column: 0 }, patch);
  }
}

/** The patches of a picture as the vision encoder takes them; sides are multiples of 16. */
export function toPatches(image: Raster): { pixels: Float32Array; grid: [number, number, number] } {
  const [rows, columns] = [image.height / patchSize, image.width / patchSize];
  const pixels = new Float32Array(rows * columns * valuesPerPatch);
  const blocks = columns / mergeSize;
  for (let index = 0; index < rows * columns; index++) {
    const block = Math.floor(index / mergeSize ** 2);
    const inner = index % mergeSize ** 2;
    const place = {
      row: Math.floor(block / blocks) * mergeSize + Math.floor(inner / mergeSize),
      column: (block % blocks) * mergeSize + (inner % mergeSize),
    };
    const patch = pixels.subarray(index * valuesPerPatch, (index + 1) * valuesPerPatch);
    writePatch(image, place, patch);
  }
  return { pixels, grid: [1, rows, columns] };
}

/** Channel by channel, each frame (a still picture's is repeated), row by row. */
function writePatch(
  { data, width, channels }: Raster,
  { row, column }: PatchPlace,
  into: Float32Array,
): void {
  let at = 0;
  for (let channel = 0; channel < 3; channel++) {
    for (let frame = 0; frame < temporalPatchSize; frame++) {
      for (let y = 0; y < patchSize; y++) {
        let from = ((row * patchSize + y) * width + column * patchSize) * channels + channel;
        for (let x = 0; x < patchSize; x++, from += channels) {
          into[at++] = normalized[data[from] ?? 0] ?? 0;
        }
      }
    }
  }
}
