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
  const bytes = new Uint8Array(data.buffer);
  for (let y = 0; y < height; y++) {
    const first = rows.offsets[y] ?? 0;
    const last = rows.offsets[y + 1] ?? 0;
    const base = (rows.starts[y] ?? 0) * rowLength;
    const target = y * rowLength;
    if (last - first === 2) {
      // Two rows are all there are when a picture is enlarged.
      blendRows(narrow, base, rowLength, rows.weights.subarray(first, last), bytes, target);
      continue;
    }
    for (let i = 0; i < rowLength; i++) {
      let sum = 0;
      for (let k = first, from = base + i; k < last; k++, from += rowLength) {
        sum += (rows.weights[k] as number) * (narrow[from] as number);
      }
      bytes[target + i] = (sum + 0.5) | 0;
    }
  }
  return { width, height, channels, data };
}

/** Writes the weighted sum of the row at `from` and the one after it. */
function blendRows(
  rows: Float32Array,
  from: number,
  rowLength: number,
  weights: Float64Array,
  data: Uint8Array,
  to: number,
): void {
  const upper = weights[0] as number;
  const lower = weights[1] as number;
  for (let i = 0; i < rowLength; i++) {
    // A mean of bytes needs no clamping, only rounding.
    data[to + i] =
      (upper * (rows[from + i] as number) + lower * (rows[from + rowLength + i] as number) + 0.5) |
      0;
  }
}

/*
 * The loops below index inside the bounds by construction; `as number` spares them a check for
 * undefined, which costs half their time.
 */

/** Every row resized to `width`, not rounded yet. */
function resizeRows(image: Raster, columns: Weights, width: number): Float32Array {
  return columns.offsets.every((offset, x) => offset - (columns.offsets[x - 1] ?? 0) <= 2)
    ? blendNeighbors(image, columns, width)
    : sumNeighbors(image, columns, width);
}

/** At most two source pixels for each target pixel, as when a picture is enlarged. */
function blendNeighbors(image: Raster, columns: Weights, width: number): Float32Array {
  const { channels, data } = image;
  const { starts, offsets, weights } = columns;
  const rowLength = width * channels;
  const result = new Float32Array(image.height * rowLength);
  // Where each number of a row comes from is the same in all rows.
  const leftSources = new Int32Array(rowLength);
  const rightSources = new Int32Array(rowLength);
  const left = new Float32Array(rowLength);
  const right = new Float32Array(rowLength);
  for (let i = 0; i < rowLength; i++) {
    const x = Math.floor(i / channels);
    const first = offsets[x] as number;
    const isPair = (offsets[x + 1] as number) - first === 2;
    leftSources[i] = (starts[x] as number) * channels + (i % channels);
    rightSources[i] = (leftSources[i] as number) + (isPair ? channels : 0);
    left[i] = weights[first] as number;
    right[i] = isPair ? (weights[first + 1] as number) : 0;
  }
  for (let y = 0; y < image.height; y++) {
    const base = y * image.width * channels;
    const to = y * rowLength;
    for (let i = 0; i < rowLength; i++) {
      result[to + i] =
        (left[i] as number) * (data[base + (leftSources[i] as number)] as number) +
        (right[i] as number) * (data[base + (rightSources[i] as number)] as number);
    }
  }
  return result;
}

function sumNeighbors(image: Raster, columns: Weights, width: number): Float32Array {
  const { channels, data } = image;
  const { starts, offsets, weights } = columns;
  const result = new Float32Array(image.height * width * channels);
  let to = 0;
  for (let y = 0; y < image.height; y++) {
    const row = y * image.width;
    for (let x = 0; x < width; x++, to += channels) {
      const first = offsets[x] as number;
      const last = offsets[x + 1] as number;
      const base = (row + (starts[x] as number)) * channels;
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let k = first, from = base + c; k < last; k++, from += channels) {
          sum += (weights[k] as number) * (data[from] as number);
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
    // Pixels whose centers lie within the support; the others have weight 0.
    const start = Math.max(0, Math.floor(center - support + 0.5));
    const end = Math.min(from, Math.floor(center + support + 0.5));
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
