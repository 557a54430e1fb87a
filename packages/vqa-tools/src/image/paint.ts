import { type Color, copyRaster, type Raster, toRgba } from './raster.js';

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
 * An RGBA copy with rectangles tinted: the pixels of all rectangles are replaced by one translucent
 * color in an overlay, which is composited over the image. Overlapping rectangles do not add up,
 * because the overlay is replaced, not blended.
 *
 * Outside the rectangles an opaque pixel over itself is itself, so only the rectangles are walked;
 * where the image has an alpha channel, the whole of it is composited, as the originals do.
 */
export function tintRectangles(
  image: Raster,
  rectangles: readonly PixelCorners[],
  rgba: readonly [number, number, number, number],
): Raster {
  const base = toRgba(image);
  const overlay = copyRaster(base);
  const frames = rectangles.map((rectangle) => clipToImage(rectangle, image));
  for (const frame of frames) setRectangleRgba(overlay, frame, rgba);
  if (image.channels === 4) return alphaComposite(base, overlay);
  const result = copyRaster(base);
  for (const { x1, y1, x2, y2 } of frames) {
    for (let y = y1; y <= y2; y++) {
      const row = y * image.width;
      compositeBytes(result.data, {
        base: base.data,
        source: overlay.data,
        from: (row + x1) * 4,
        to: (row + x2 + 1) * 4,
      });
    }
  }
  return result;
}

function clipToImage({ x1, y1, x2, y2 }: PixelCorners, { width, height }: Raster): PixelCorners {
  return {
    x1: Math.max(0, x1),
    y1: Math.max(0, y1),
    x2: Math.min(width - 1, x2),
    y2: Math.min(height - 1, y2),
  };
}

function setRectangleRgba(
  overlay: Raster,
  { x1, y1, x2, y2 }: PixelCorners,
  [red, green, blue, alpha]: readonly [number, number, number, number],
): void {
  const { data, width } = overlay;
  for (let y = y1; y <= y2; y++) {
    for (let at = (y * width + x1) * 4; at < (y * width + x2 + 1) * 4; at += 4) {
      data[at] = red;
      data[at + 1] = green;
      data[at + 2] = blue;
      data[at + 3] = alpha;
    }
  }
}

/**
 * Composites `source` over `base`, both RGBA of one size, in Pillow's integer arithmetic
 * (`Image.alpha_composite`, 7 extra bits of precision), so that every byte agrees.
 */
function alphaComposite(base: Raster, source: Raster): Raster {
  const result = copyRaster(base);
  compositeBytes(result.data, {
    base: base.data,
    source: source.data,
    from: 0,
    to: base.data.length,
  });
  return result;
}

function compositeBytes(
  out: Uint8ClampedArray,
  {
    base,
    source,
    from,
    to,
  }: { base: Uint8ClampedArray; source: Uint8ClampedArray; from: number; to: number },
): void {
  for (let at = from; at < to; at += 4) {
    const sourceAlpha = source[at + 3] ?? 0;
    if (sourceAlpha === 0) continue;
    const alpha255 = sourceAlpha * 255 + (base[at + 3] ?? 0) * (255 - sourceAlpha);
    const sourceWeight = Math.floor((sourceAlpha * 255 * 255 * 128) / alpha255);
    const baseWeight = 255 * 128 - sourceWeight;
    for (let c = at; c < at + 3; c++) {
      const sum = (source[c] ?? 0) * sourceWeight + (base[c] ?? 0) * baseWeight + 128 * 128;
      out[c] = divideBy255(sum) >> 7;
    }
    out[at + 3] = divideBy255(alpha255 + 128);
  }
}

/** Pillow's division by 255: exact for the sums above, with no rounding of its own. */
function divideBy255(value: number): number {
  return ((value >> 8) + value) >> 8;
}
