import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import sharp, { type Metadata, type Sharp } from 'sharp';
import { VlmError } from '../errors.js';
import type { ImageInput, Raster } from '../types/message.js';
import type { ImageSize, RgbImage } from './rgb-image.js';

/** A picture whose size is known and whose pixels can be read. */
export interface OpenedImage extends ImageSize {
  readonly pixels: () => Promise<RgbImage>;
}

/**
 * Most pixels of a picture: Pillow's limit too, above which it warns of a decompression bomb. Decoded, this is a
 * quarter of a gigabyte.
 */
const maximumPixels = 89_478_485;

/** Largest encoded file, in bytes: more than any photograph, and few enough to hold. */
const maximumFileBytes = 256 * 2 ** 20;

/** Still pictures that Pillow reads as well. SVG is left out: it can name other files. */
const formats: ReadonlySet<string> = new Set([
  'png',
  'jpeg',
  'webp',
  'gif',
  'tiff',
  'heif',
  'avif',
]);

function refuse(message: string, cause?: unknown): VlmError {
  return new VlmError('image', message, { cause });
}

/**
 * Reads a picture's size and checks what can be checked without decoding it.
 *
 * @param name What to call the picture in errors: "image 2".
 * @throws {VlmError} `image` if it cannot be read, is empty or a single pixel, has more than 89,478,485 pixels, is
 *   CMYK, is animated or, once its pixels are read, is partly transparent.
 */
export async function openImage(input: ImageInput, name: string): Promise<OpenedImage> {
  if (typeof input === 'object' && 'data' in input && 'channels' in input)
    return openRaster(input, name);
  return openEncoded(await encodedBytes(input, name), name);
}

function checkSize({ width, height }: ImageSize, name: string): void {
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1)
    throw refuse(`${name} is ${width} x ${height} pixels: pass a picture that is not empty.`);
  if (width * height === 1)
    throw refuse(
      `${name} is a single pixel, as failed crops are: pass a picture of at least 2 pixels.`,
    );
  if (width * height > maximumPixels)
    throw refuse(
      `${name} is ${width} x ${height} pixels, more than ${maximumPixels} in all: make it smaller first.`,
    );
}

function openRaster(raster: Raster, name: string): OpenedImage {
  checkSize(raster, name);
  const { width, height, channels, data } = raster;
  if (channels !== 3 && channels !== 4)
    throw refuse(`${name} has ${String(channels)} channels: pass RGB (3) or RGBA (4).`);
  if (data.length !== width * height * channels)
    throw refuse(
      `${name} has ${data.length} bytes: ${width} x ${height} x ${channels} = ${width * height * channels} are needed.`,
    );
  return {
    width,
    height,
    pixels: async () => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.length);
      const rgb = channels === 3 ? Uint8Array.from(bytes) : withoutAlpha(bytes, name);
      return { width, height, data: rgb };
    },
  };
}

async function encodedBytes(input: string | URL | Uint8Array, name: string): Promise<Uint8Array> {
  if (input instanceof Uint8Array) return input;
  const text = String(input);
  if (/^data:/i.test(text)) return dataUrlBytes(text, name);
  if (/^https?:/i.test(text))
    throw refuse(
      `${name} is a web address: download it, and pass its bytes or the path of the file.`,
    );
  let path = text;
  try {
    if (/^file:/i.test(text)) path = fileURLToPath(text);
    const { size } = await stat(path);
    if (size > maximumFileBytes)
      throw refuse(`${name} is a file of ${size} bytes; at most ${maximumFileBytes} are read.`);
    return await readFile(path);
  } catch (error) {
    if (error instanceof VlmError) throw error;
    throw refuse(`${name} cannot be read from "${path}": check the path.`, error);
  }
}

function dataUrlBytes(url: string, name: string): Uint8Array {
  const comma = url.indexOf(',');
  const header = url.slice(0, comma);
  if (comma < 0)
    throw refuse(`${name} is a data URL without a comma: pass data:image/png;base64,…`);
  const body = url.slice(comma + 1);
  if (/;base64$/i.test(header)) return Buffer.from(body, 'base64');
  throw refuse(`${name} is a data URL of plain text: pass data:image/png;base64,…`);
}

async function openEncoded(bytes: Uint8Array, name: string): Promise<OpenedImage> {
  // Pillow neither applies color profiles nor stops at small damage; sharp is told to do as it does.
  const open = (): Sharp =>
    sharp(bytes, { limitInputPixels: maximumPixels, ignoreIcc: true, failOn: 'error' });
  let metadata: Metadata;
  try {
    metadata = await sharp(bytes, { limitInputPixels: false, failOn: 'error' }).metadata();
  } catch (error) {
    throw refuse(
      `${name} is no picture that can be read: pass a PNG, JPEG, WebP, GIF, TIFF or AVIF.`,
      error,
    );
  }
  const { format, pages = 1, space, orientation = 1 } = metadata;
  if (!formats.has(format ?? ''))
    throw refuse(
      `${name} is of the format "${format}": pass a PNG, JPEG, WebP, GIF, TIFF or AVIF.`,
    );
  const isTurned = orientation >= 5;
  const width = isTurned ? metadata.height : metadata.width;
  const height = isTurned ? metadata.width : metadata.height;
  checkSize({ width, height }, name);
  if (pages > 1)
    throw refuse(
      `${name} has ${pages} frames or pages: choose one and pass it as a still picture.`,
    );
  if (space === 'cmyk')
    throw refuse(
      `${name} is in CMYK, whose colors depend on a printer's profile: convert it to RGB first.`,
    );
  return {
    width,
    height,
    pixels: async () => {
      try {
        const { data, info } = await open()
          .autoOrient()
          .toColorspace('srgb')
          .ensureAlpha()
          .raw({ depth: 'uchar' })
          .toBuffer({ resolveWithObject: true });
        if (info.width !== width || info.height !== height || info.channels !== 4)
          throw refuse(
            `${name} says ${width} x ${height} pixels and holds ${info.width} x ${info.height}.`,
          );
        return { width, height, data: withoutAlpha(data, name) };
      } catch (error) {
        if (error instanceof VlmError) throw error;
        throw refuse(`${name} is damaged: its pixels cannot be decoded.`, error);
      }
    },
  };
}

/** The colors of RGBA pixels, which must be opaque: what shows through is not the picture's to say. */
function withoutAlpha(rgba: Uint8Array, name: string): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    if (rgba[from + 3] !== 255)
      throw refuse(`${name} is partly transparent: flatten it onto a background color first.`);
    rgb[to] = rgba[from]!;
    rgb[to + 1] = rgba[from + 1]!;
    rgb[to + 2] = rgba[from + 2]!;
  }
  return rgb;
}
