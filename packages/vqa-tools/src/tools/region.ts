import { z } from 'zod';
import type { Box } from '../boxes/box.js';
import { VqaToolError } from '../errors.js';

/** Arguments that are the same in several tools. */
const coordinate = z.number().min(-1e6).max(1e6);

/** `[x1, y1, x2, y2]` in pixels, or as fractions of width and height if none is above 1. */
export const boxArgument: z.ZodArray<z.ZodNumber> = z.array(coordinate).length(4);

/** One position along an axis, in pixels, or as a fraction if it is at most 1. */
export const positionArgument: z.ZodNumber = z.number().min(0).max(1e6);

/** Brings a position to pixels of an axis of `length` pixels. */
export function toPixelPosition(value: number, length: number): number {
  return value <= 1 ? value * length : value;
}

/**
 * Brings a box argument to whole pixels inside the image, at least 1×1. The outer edge of a partly
 * covered pixel is kept (floor of the first, ceiling of the second corner).
 *
 * @throws {VqaToolError} `bad-box` if nothing of it lies inside.
 */
export function toPixelFrame(
  box: readonly number[],
  { width, height }: { readonly width: number; readonly height: number },
): Box {
  const [a = 0, b = 0, c = 0, d = 0] = box;
  const isFraction = box.every((value) => value >= 0 && value <= 1);
  const [scaleX, scaleY] = isFraction ? [width, height] : [1, 1];
  const x1 = Math.max(0, Math.floor(Math.min(a, c) * scaleX));
  const y1 = Math.max(0, Math.floor(Math.min(b, d) * scaleY));
  const x2 = Math.min(width, Math.ceil(Math.max(a, c) * scaleX));
  const y2 = Math.min(height, Math.ceil(Math.max(b, d) * scaleY));
  if (x1 >= x2 || y1 >= y2) {
    throw new VqaToolError(
      'bad-box',
      `The box [${box.join(', ')}] covers nothing of the ${width}×${height} image.`,
    );
  }
  return { x1, y1, x2, y2 };
}
