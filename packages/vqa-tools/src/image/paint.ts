import type { Color, Raster } from './raster.js';

/*
 * Painting on an image that the caller owns. All corners are inclusive and everything outside the
 * image is clipped, as in Pillow's ImageDraw (checked pixel by pixel against Pillow 13.0.0 by
 * scripts/reference/vqa-tools/rectangles.py).
 */

/** Sets the pixels x1…x2 of row y. */
function horizontalRun(image: Raster, x1: number, x2: number, y: number, color: Color): void {
  if (y < 0 || y >= image.height) return;
  const from = Math.max(0, Math.min(x1, x2));
  const to = Math.min(image.width - 1, Math.max(x1, x2));
  const { channels, data } = image;
  for (let x = from, at = (y * image.width + from) * channels; x <= to; x++, at += channels) {
    data[at] = color[0];
    data[at + 1] = color[1];
    data[at + 2] = color[2];
    if (channels === 4) data[at + 3] = 255;
  }
}

/** Fills the rectangle with corners (x1, y1) and (x2, y2), both inclusive. */
export function fillRectangle(image: Raster, { x1, y1, x2, y2 }: PixelCorners, color: Color): void {
  const to = Math.min(image.height - 1, y2);
  for (let y = Math.max(0, y1); y <= to; y++) horizontalRun(image, x1, x2, y, color);
}

/** Corners in whole pixels, inclusive. */
export interface PixelCorners {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

/**
 * Outlines the rectangle inwards by `width` pixels. A rectangle thinner than the line keeps
 * Pillow's shape: the horizontal strokes run past the opposite side rather than being shortened.
 */
export function strokeRectangle(
  image: Raster,
  { x1, y1, x2, y2 }: PixelCorners,
  { color, width }: { color: Color; width: number },
): void {
  // The sides run from `from` to before `to`, upwards where the rectangle is thinner than the line.
  const from = y1 + width;
  const to = y2 - width + 1;
  const [top, bottom] = from <= to ? [from, to - 1] : [to + 1, from];
  for (let i = 0; i < width; i++) {
    horizontalRun(image, x1, x2, y1 + i, color);
    horizontalRun(image, x1, x2, y2 - i, color);
    for (let y = top; y <= bottom; y++) {
      horizontalRun(image, x1 + i, x1 + i, y, color);
      horizontalRun(image, x2 - i, x2 - i, y, color);
    }
  }
}

/** Fills a disc of the given radius around (x, y); used by the `point` tool. */
export function fillDisc(
  image: Raster,
  center: { readonly x: number; readonly y: number },
  { radius, color }: { radius: number; color: Color },
): void {
  for (let dy = -radius; dy <= radius; dy++) {
    // x² + y² ≤ (r + ½)² rounds the disc without the single-pixel tips of ≤ r².
    const half = Math.floor(Math.sqrt(Math.max(0, (radius + 0.5) ** 2 - dy * dy)));
    horizontalRun(image, center.x - half, center.x + half, center.y + dy, color);
  }
}

/**
 * Replaces the pixels of a rectangle in `overlay` (RGBA) by one translucent color. Overlapping
 * rectangles do not add up, because the overlay is replaced, not blended.
 */
export function setRectangleRgba(
  overlay: Raster,
  { x1, y1, x2, y2 }: PixelCorners,
  rgba: readonly [number, number, number, number],
): void {
  const right = Math.min(overlay.width - 1, x2);
  const bottom = Math.min(overlay.height - 1, y2);
  const left = Math.max(0, x1);
  for (let y = Math.max(0, y1); y <= bottom; y++) {
    for (let x = left, at = (y * overlay.width + left) * 4; x <= right; x++, at += 4) {
      overlay.data.set(rgba, at);
    }
  }
}

/**
 * Composites `source` over `base`, both RGBA of one size, in Pillow's integer arithmetic
 * (`Image.alpha_composite`, 7 extra bits of precision), so that every byte agrees.
 */
export function alphaComposite(base: Raster, source: Raster): Raster {
  const data = new Uint8ClampedArray(base.data.length);
  const b = base.data;
  const s = source.data;
  for (let at = 0; at < data.length; at += 4) {
    const sourceAlpha = s[at + 3] ?? 0;
    if (sourceAlpha === 0) {
      for (let c = 0; c < 4; c++) data[at + c] = b[at + c] ?? 0;
      continue;
    }
    const alpha255 = sourceAlpha * 255 + (b[at + 3] ?? 0) * (255 - sourceAlpha);
    const sourceWeight = Math.floor((sourceAlpha * 255 * 255 * 128) / alpha255);
    const baseWeight = 255 * 128 - sourceWeight;
    for (let c = 0; c < 3; c++) {
      const sum = (s[at + c] ?? 0) * sourceWeight + (b[at + c] ?? 0) * baseWeight + 128 * 128;
      data[at + c] = divideBy255(sum) >> 7;
    }
    data[at + 3] = divideBy255(alpha255 + 128);
  }
  return { ...base, data };
}

/** Pillow's division by 255: exact for the sums above, with no rounding of its own. */
function divideBy255(value: number): number {
  return ((value >> 8) + value) >> 8;
}
