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
  const data = new Uint8ClampedArray(width * height * channels).fill(255);
  // The source moves by the same step for every pixel of a row.
  const [zeroX, zeroY] = rotation.backward(0, 0);
  const [oneX, oneY] = rotation.backward(1, 0);
  const stepX = oneX - zeroX;
  const stepY = oneY - zeroY;
  for (let y = 0; y < height; y++) {
    const [startX, startY] = rotation.backward(0.5, y + 0.5);
    for (let x = 0; x < width; x++) {
      const sourceX = startX + stepX * x - 0.5;
      const sourceY = startY + stepY * x - 0.5;
      if (sourceX <= -1 || sourceY <= -1 || sourceX >= image.width || sourceY >= image.height)
        continue;
      sample(image, data, (y * width + x) * channels, sourceX, sourceY);
    }
  }
  return { width, height, channels, data };
}

/**
 * Writes the bilinear mean of the four pixels around a place; those outside are white. Five plain
 * arguments: an object for each of half a million pixels took a third of the time.
 */
function sample(
  image: Raster,
  data: Uint8ClampedArray,
  at: number,
  sourceX: number,
  sourceY: number,
): void {
  const { width, height, channels } = image;
  const left = Math.floor(sourceX);
  const top = Math.floor(sourceY);
  const fx = sourceX - left;
  const fy = sourceY - top;
  const hasLeft = left >= 0;
  const hasRight = left + 1 < width;
  const hasTop = top >= 0;
  const hasBottom = top + 1 < height;
  const from = (top * width + left) * channels;
  const below = from + width * channels;
  if (hasLeft && hasRight && hasTop && hasBottom) {
    // All four lie inside; `as number` spares the checks for undefined in the busy case.
    for (let c = 0; c < channels; c++) {
      const a = image.data[from + c] as number;
      const d = image.data[below + c] as number;
      const upper = a + ((image.data[from + channels + c] as number) - a) * fx;
      const lower = d + ((image.data[below + channels + c] as number) - d) * fx;
      data[at + c] = Math.floor(upper + (lower - upper) * fy + 0.5);
    }
    return;
  }
  for (let c = 0; c < channels; c++) {
    const a = hasLeft && hasTop ? (image.data[from + c] ?? 255) : 255;
    const b = hasRight && hasTop ? (image.data[from + channels + c] ?? 255) : 255;
    const d = hasLeft && hasBottom ? (image.data[below + c] ?? 255) : 255;
    const e = hasRight && hasBottom ? (image.data[below + channels + c] ?? 255) : 255;
    const upper = a + (b - a) * fx;
    const lower = d + (e - d) * fx;
    data[at + c] = Math.floor(upper + (lower - upper) * fy + 0.5);
  }
}
