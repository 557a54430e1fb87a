import type { Raster } from './raster.js';

/** The rotation of a point about an image's center: from the source image to the rotated one. */
export interface Rotation {
  readonly width: number;
  readonly height: number;
  /** Maps a point (pixel edges, so 0…width) of the source to the result. */
  forward(x: number, y: number): readonly [number, number];
  /** The inverse of `forward`. */
  backward(x: number, y: number): readonly [number, number];
}

/**
 * The rotation by `degrees` clockwise, with a result just large enough for the whole picture.
 * Multiples of 90 have exact sines, so that they only move pixels.
 */
export function rotationOf(
  degrees: number,
  { width, height }: { readonly width: number; readonly height: number },
): Rotation {
  const turn = ((degrees % 360) + 360) % 360;
  const radians = (turn * Math.PI) / 180;
  const exact = ({ 0: [1, 0], 90: [0, 1], 180: [-1, 0], 270: [0, -1] } as const)[
    turn as 0 | 90 | 180 | 270
  ];
  const [cos, sin] = exact ?? [Math.cos(radians), Math.sin(radians)];
  // Rounded before the ceiling, so that 1e-14 of error does not add a row.
  const grow = (value: number): number => Math.max(1, Math.ceil(Number(value.toFixed(6))));
  const newWidth = grow(width * Math.abs(cos) + height * Math.abs(sin));
  const newHeight = grow(width * Math.abs(sin) + height * Math.abs(cos));
  return {
    width: newWidth,
    height: newHeight,
    forward(x, y) {
      const dx = x - width / 2;
      const dy = y - height / 2;
      return [cos * dx - sin * dy + newWidth / 2, sin * dx + cos * dy + newHeight / 2];
    },
    backward(x, y) {
      const dx = x - newWidth / 2;
      const dy = y - newHeight / 2;
      return [cos * dx + sin * dy + width / 2, -sin * dx + cos * dy + height / 2];
    },
  };
}

/** Rotates with bilinear sampling; what comes from outside is white. */
export function rotateRaster(image: Raster, degrees: number): Raster {
  const rotation = rotationOf(degrees, image);
  const { width, height } = rotation;
  const { channels } = image;
  const data = new Uint8ClampedArray(width * height * channels);
  const read = (x: number, y: number, c: number): number =>
    x < 0 || y < 0 || x >= image.width || y >= image.height
      ? 255
      : (image.data[(y * image.width + x) * channels + c] ?? 255);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [edgeX, edgeY] = rotation.backward(x + 0.5, y + 0.5);
      const sourceX = edgeX - 0.5;
      const sourceY = edgeY - 0.5;
      const left = Math.floor(sourceX);
      const top = Math.floor(sourceY);
      const fx = sourceX - left;
      const fy = sourceY - top;
      const at = (y * width + x) * channels;
      for (let c = 0; c < channels; c++) {
        const upper = read(left, top, c) * (1 - fx) + (fx === 0 ? 0 : read(left + 1, top, c) * fx);
        const lower =
          fy === 0
            ? 0
            : read(left, top + 1, c) * (1 - fx) + (fx === 0 ? 0 : read(left + 1, top + 1, c) * fx);
        data[at + c] = Math.round(upper * (1 - fy) + lower * fy);
      }
    }
  }
  return { width, height, channels, data };
}
