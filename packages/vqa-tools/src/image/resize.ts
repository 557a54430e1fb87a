import type { Box } from '../boxes/box.js';
import { VqaToolError } from '../errors.js';
import type { Raster } from './raster.js';

/** The largest image that this package makes: 64 megapixels, 256 MB of RGBA. */
export const MAX_PIXELS = 67_108_864;

/** Cuts out `frame` (whole pixels inside the image; x2 and y2 exclusive). */
export function cropRaster(image: Raster, frame: Box): Raster {
  const { channels } = image;
  const width = frame.x2 - frame.x1;
  const height = frame.y2 - frame.y1;
  const data = new Uint8ClampedArray(width * height * channels);
  for (let y = 0; y < height; y++) {
    const from = ((frame.y1 + y) * image.width + frame.x1) * channels;
    data.set(image.data.subarray(from, from + width * channels), y * width * channels);
  }
  return { width, height, channels, data };
}

/**
 * Resizes with a triangle filter: bilinear when it grows, an area-weighted mean when it shrinks
 * (the filter widens by the scale, as Pillow's BILINEAR does, so that thin lines do not vanish).
 *
 * @throws {VqaToolError} `image-too-large` above 64 megapixels.
 */
export function resizeRaster(
  image: Raster,
  size: { readonly width: number; readonly height: number },
): Raster {
  const { width, height } = size;
  if (!(width >= 1 && height >= 1) || width * height > MAX_PIXELS) {
    throw new VqaToolError(
      'image-too-large',
      `Cannot resize to ${width}×${height}: at least 1×1 and at most ${MAX_PIXELS} pixels.`,
    );
  }
  const { channels } = image;
  const narrow = resizeRows(image, filterWeights(image.width, width), width);
  const rows = filterWeights(image.height, height);
  const rowLength = width * channels;
  const data = new Uint8ClampedArray(rowLength * height);
  for (let y = 0; y < height; y++) {
    const first = rows.offsets[y] ?? 0;
    const last = rows.offsets[y + 1] ?? 0;
    const base = (rows.starts[y] ?? 0) * rowLength;
    const target = y * rowLength;
    if (last - first === 2) {
      // Two rows are all there are when a picture is enlarged.
      const upper = rows.weights[first] ?? 0;
      const lower = rows.weights[first + 1] ?? 0;
      for (let i = 0; i < rowLength; i++) {
        data[target + i] =
          upper * (narrow[base + i] as number) + lower * (narrow[base + rowLength + i] as number);
      }
      continue;
    }
    for (let i = 0; i < rowLength; i++) {
      let sum = 0;
      for (let k = first, from = base + i; k < last; k++, from += rowLength) {
        sum += (rows.weights[k] as number) * (narrow[from] as number);
      }
      // The clamped array rounds to the nearest whole number.
      data[target + i] = sum;
    }
  }
  return { width, height, channels, data };
}

/*
 * The loops below index inside the bounds by construction; `as number` spares them a check for
 * undefined, which costs half their time.
 */

/** Every row resized to `width`, not rounded yet. */
function resizeRows(image: Raster, columns: Weights, width: number): Float64Array {
  const { channels, data } = image;
  const result = new Float64Array(image.height * width * channels);
  let to = 0;
  for (let y = 0; y < image.height; y++) {
    const row = y * image.width;
    for (let x = 0; x < width; x++, to += channels) {
      const first = columns.offsets[x] ?? 0;
      const last = columns.offsets[x + 1] ?? 0;
      const base = (row + (columns.starts[x] ?? 0)) * channels;
      if (last - first === 2) {
        const left = columns.weights[first] ?? 0;
        const right = columns.weights[first + 1] ?? 0;
        for (let c = 0; c < channels; c++) {
          result[to + c] =
            left * (data[base + c] as number) + right * (data[base + channels + c] as number);
        }
        continue;
      }
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let k = first, from = base + c; k < last; k++, from += channels) {
          sum += (columns.weights[k] as number) * (data[from] as number);
        }
        result[to + c] = sum;
      }
    }
  }
  return result;
}

/** For each target pixel: the first source pixel, and where its weights (sum 1) lie. */
interface Weights {
  readonly starts: Int32Array;
  /** One more than targets; the weights of target t are from `offsets[t]` to before `offsets[t + 1]`. */
  readonly offsets: Int32Array;
  readonly weights: Float64Array;
}

function filterWeights(from: number, to: number): Weights {
  const scale = from / to;
  const support = Math.max(1, scale);
  const starts = new Int32Array(to);
  const offsets = new Int32Array(to + 1);
  const weights: number[] = [];
  for (let target = 0; target < to; target++) {
    const center = (target + 0.5) * scale;
    const start = Math.max(0, Math.floor(center - support));
    const end = Math.min(from, Math.ceil(center + support));
    const own = Array.from({ length: end - start }, (_, k) =>
      Math.max(0, 1 - Math.abs((start + k + 0.5 - center) / support)),
    );
    const total = own.reduce((sum, weight) => sum + weight, 0);
    starts[target] = start;
    for (const weight of own) weights.push(weight / total);
    offsets[target + 1] = weights.length;
  }
  return { starts, offsets, weights: Float64Array.from(weights) };
}
