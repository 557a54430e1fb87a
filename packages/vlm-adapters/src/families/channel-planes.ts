import type { RgbImage } from '../images/rgb-image.js';

/** Normalized pixels of pictures of one size, a plane for each channel: `[images, 3, height, width]`. */
export function channelPlanes(images: readonly RgbImage[], table: Float32Array): Float32Array {
  const { width = 0, height = 0 } = images[0] ?? {};
  const area = width * height;
  const values = new Float32Array(images.length * 3 * area);
  for (const [index, { data }] of images.entries())
    for (let channel = 0; channel < 3; channel++) {
      const start = (index * 3 + channel) * area;
      for (let pixel = 0; pixel < area; pixel++)
        values[start + pixel] = table[channel * 256 + data[pixel * 3 + channel]!]!;
    }
  return values;
}
