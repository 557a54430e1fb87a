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
  const columns = filterWeights(image.width, width);
  const rows = filterWeights(image.height, height);
  const narrow = new Float64Array(image.height * width * channels);
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < width; x++) {
      const { start, weights } = columns[x] ?? EMPTY_WEIGHTS;
      const to = (y * width + x) * channels;
      for (let k = 0; k < weights.length; k++) {
        const from = (y * image.width + start + k) * channels;
        const weight = weights[k] ?? 0;
        for (let c = 0; c < channels; c++) {
          narrow[to + c] = (narrow[to + c] ?? 0) + weight * (image.data[from + c] ?? 0);
        }
      }
    }
  }
  const data = new Uint8ClampedArray(width * height * channels);
  const rowLength = width * channels;
  const sum = new Float64Array(rowLength);
  for (let y = 0; y < height; y++) {
    const { start, weights } = rows[y] ?? EMPTY_WEIGHTS;
    sum.fill(0);
    for (let k = 0; k < weights.length; k++) {
      const from = (start + k) * rowLength;
      const weight = weights[k] ?? 0;
      for (let i = 0; i < rowLength; i++) sum[i] = (sum[i] ?? 0) + weight * (narrow[from + i] ?? 0);
    }
    for (let i = 0; i < rowLength; i++) data[y * rowLength + i] = Math.round(sum[i] ?? 0);
  }
  return { width, height, channels, data };
}

interface Weights {
  readonly start: number;
  readonly weights: Float64Array;
}

const EMPTY_WEIGHTS: Weights = { start: 0, weights: new Float64Array(0) };

/** For each target pixel: the first source pixel and the weights (sum 1) from there on. */
function filterWeights(from: number, to: number): Weights[] {
  const scale = from / to;
  const support = Math.max(1, scale);
  return Array.from({ length: to }, (_, target) => {
    const center = (target + 0.5) * scale;
    const start = Math.max(0, Math.floor(center - support));
    const end = Math.min(from, Math.ceil(center + support));
    const weights = new Float64Array(end - start);
    let total = 0;
    for (let i = start; i < end; i++) {
      const weight = Math.max(0, 1 - Math.abs((i + 0.5 - center) / support));
      weights[i - start] = weight;
      total += weight;
    }
    for (let k = 0; k < weights.length; k++) weights[k] = (weights[k] ?? 0) / total;
    return { start, weights };
  });
}
