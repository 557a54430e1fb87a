import type { Canvas } from '@napi-rs/canvas';
import type { Raster } from '../image/raster.js';

/** The pixels of an opaque canvas as RGB. */
export function toRaster(canvas: Canvas): Raster {
  const { width, height } = canvas;
  const rgba = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  const data = new Uint8ClampedArray(width * height * 3);
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
    data[to] = rgba[from] ?? 0;
    data[to + 1] = rgba[from + 1] ?? 0;
    data[to + 2] = rgba[from + 2] ?? 0;
  }
  return { width, height, channels: 3, data };
}
