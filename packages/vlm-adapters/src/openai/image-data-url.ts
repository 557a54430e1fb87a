import sharp from 'sharp';
import { openImage } from '../images/read-image.js';
import type { ImageInput } from '../types/message.js';

/**
 * A picture as a `data:` URL of a PNG: the very pixels that a local model would see, so that a student here and a
 * teacher on a server look at the same thing.
 *
 * @param name What to call the picture in errors: "image 2".
 * @throws {VlmError} `image`.
 */
export async function imageDataUrl(input: ImageInput, name: string): Promise<string> {
  const { width, height, data } = await (await openImage(input, name)).pixels();
  const png = await sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  return `data:image/png;base64,${png.toString('base64')}`;
}
