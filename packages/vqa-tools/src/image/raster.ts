import { VqaToolError } from '../errors.js';

/**
 * An image in memory: 8 bits a channel, rows from the top, no padding, not premultiplied.
 *
 * `data` has `width · height · channels` bytes; 3 channels are RGB, 4 are RGBA (alpha 255 is
 * opaque). Coordinates everywhere in this package: x to the right, y down, pixel (0, 0) at the top
 * left.
 */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
  readonly data: Uint8ClampedArray;
}

/** Red, green, blue, each 0 to 255. */
export type Color = readonly [red: number, green: number, blue: number];

/** Makes an image of one color. @throws {VqaToolError} `bad-image` if a side is not an integer ≥ 1. */
export function createRaster(
  width: number,
  height: number,
  { channels = 3, color = [255, 255, 255] }: { channels?: 3 | 4; color?: Color } = {},
): Raster {
  assertSides(width, height);
  const data = new Uint8ClampedArray(width * height * channels);
  for (let i = 0; i < data.length; i += channels) {
    data[i] = color[0];
    data[i + 1] = color[1];
    data[i + 2] = color[2];
    if (channels === 4) data[i + 3] = 255;
  }
  return { width, height, channels, data };
}

/** A copy whose bytes can be written without touching `image`. */
export function copyRaster(image: Raster): Raster {
  return { ...image, data: image.data.slice() };
}

/** The same picture with an alpha channel (255 where there was none); always a copy. */
export function toRgba(image: Raster): Raster {
  if (image.channels === 4) return copyRaster(image);
  const { width, height } = image;
  const data = new Uint8ClampedArray(width * height * 4);
  for (let from = 0, to = 0; to < data.length; from += 3, to += 4) {
    data[to] = image.data[from] ?? 0;
    data[to + 1] = image.data[from + 1] ?? 0;
    data[to + 2] = image.data[from + 2] ?? 0;
    data[to + 3] = 255;
  }
  return { width, height, channels: 4, data };
}

/**
 * The same picture without alpha, composited over white (what a viewer of the file sees; Pillow's
 * `convert("RGB")` drops alpha instead, which turns transparent pixels into arbitrary colors).
 */
export function toRgb(image: Raster): Raster {
  if (image.channels === 3) return copyRaster(image);
  const { width, height } = image;
  const data = new Uint8ClampedArray(width * height * 3);
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
    const alpha = image.data[from + 3] ?? 255;
    for (let c = 0; c < 3; c++) {
      data[to + c] = Math.round(((image.data[from + c] ?? 0) * alpha + 255 * (255 - alpha)) / 255);
    }
  }
  return { width, height, channels: 3, data };
}

/** Whether two images have the same size, channels and bytes. */
export function rastersEqual(a: Raster, b: Raster): boolean {
  return (
    a.width === b.width &&
    a.height === b.height &&
    a.channels === b.channels &&
    Buffer.compare(bytesOf(a), bytesOf(b)) === 0
  );
}

/** The color at (x, y). @throws {VqaToolError} `bad-argument` outside the image. */
export function pixelAt(image: Raster, x: number, y: number): Color {
  if (!(x >= 0 && y >= 0 && x < image.width && y < image.height)) {
    throw new VqaToolError(
      'bad-argument',
      `Pixel (${x}, ${y}) is outside the ${image.width}×${image.height} image.`,
    );
  }
  const at = (y * image.width + x) * image.channels;
  return [image.data[at] ?? 0, image.data[at + 1] ?? 0, image.data[at + 2] ?? 0];
}

/** @throws {VqaToolError} `bad-image` unless `image` is consistent; called where users hand one in. */
export function assertRaster(image: Raster): void {
  assertSides(image.width, image.height);
  if (image.channels !== 3 && image.channels !== 4) {
    throw new VqaToolError(
      'bad-image',
      `\`image.channels\` must be 3 (RGB) or 4 (RGBA), got ${image.channels}.`,
    );
  }
  const expected = image.width * image.height * image.channels;
  if (image.data.length !== expected) {
    throw new VqaToolError(
      'bad-image',
      `\`image.data\` must hold ${expected} bytes for ${image.width}×${image.height}×${image.channels}, got ${image.data.length}.`,
    );
  }
}

function assertSides(width: number, height: number): void {
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1) {
    throw new VqaToolError(
      'bad-image',
      `An image must be at least 1×1 pixels, got ${width}×${height}.`,
    );
  }
}

function bytesOf(image: Raster): Uint8Array {
  return new Uint8Array(image.data.buffer, image.data.byteOffset, image.data.byteLength);
}
