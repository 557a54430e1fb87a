import { createCanvas, loadImage } from '@napi-rs/canvas';
import { messageOf, VqaToolError } from '../errors.js';
import type { Raster } from './raster.js';
import { MAX_PIXELS } from './resize.js';
import { sniffImage } from './sniff.js';

/**
 * Decodes a PNG, JPEG, GIF, WebP or BMP file. Animated files give their first frame, 16 bits are
 * cut to 8, CMYK becomes RGB, EXIF rotation is applied. Opaque images come back as RGB, images
 * with any transparency as RGBA.
 *
 * Only bytes are taken, never a path or an address. The size is read from the header first, so
 * that a small file cannot ask for a huge image.
 *
 * @param options.maxPixels Largest width · height. Default 64 megapixels.
 * @throws {VqaToolError} `image-too-large`, or `bad-image` for an unknown, broken or cut-off file.
 */
export async function decodeImage(
  bytes: Uint8Array,
  { maxPixels = MAX_PIXELS }: { maxPixels?: number } = {},
): Promise<Raster> {
  const header = sniffImage(bytes);
  if (header === null) {
    throw new VqaToolError(
      'bad-image',
      `Not a PNG, JPEG, GIF, WebP or BMP file (${bytes.length} bytes).`,
    );
  }
  const { format, width, height, isComplete } = header;
  const size = `${format.toUpperCase()} of ${width}×${height}`;
  if (width < 1 || height < 1) throw new VqaToolError('bad-image', `The ${size} has no pixels.`);
  if (width * height > maxPixels) {
    throw new VqaToolError('image-too-large', `The ${size} has more than ${maxPixels} pixels.`);
  }
  if (!isComplete)
    throw new VqaToolError('bad-image', `The ${size} is cut off: its end is missing.`);
  try {
    // Skia turns the picture by its EXIF orientation and takes the first frame of an animation.
    const image = await loadImage(Buffer.from(bytes));
    const context = createCanvas(image.width, image.height).getContext('2d');
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, image.width, image.height);
    return opaqueIfPossible(data, image.width, image.height);
  } catch (cause) {
    throw new VqaToolError('bad-image', `The ${size} cannot be decoded: ${messageOf(cause)}`, {
      cause,
    });
  }
}

function opaqueIfPossible(rgba: Uint8ClampedArray, width: number, height: number): Raster {
  for (let at = 3; at < rgba.length; at += 4) {
    if (rgba[at] !== 255) return { width, height, channels: 4, data: rgba };
  }
  const data = new Uint8ClampedArray(width * height * 3);
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
    data[to] = rgba[from] ?? 0;
    data[to + 1] = rgba[from + 1] ?? 0;
    data[to + 2] = rgba[from + 2] ?? 0;
  }
  return { width, height, channels: 3, data };
}
