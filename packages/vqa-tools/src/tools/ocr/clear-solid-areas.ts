import { copyRaster, type Raster } from '../../image/raster.js';

/** Areas at least this large (pixels) in both directions; no stroke of a label is. */
const MIN_SIDE = { width: 6, height: 5 } as const;
/** Share of its frame that a solid area fills; text on it would leave holes. */
const MIN_FILL = 0.97;
/** Width of the blurred rim that goes with an area. */
const RIM = 2;
/** Axis, grid and table lines: thinner and longer than any stroke. */
const RULE = { width: 2, length: 40 } as const;

/**
 * The picture without its solid areas: rectangles of one color with nothing in them, such as bars
 * and lines, become the color of the page (the corner's). Beside solid bars Tesseract takes labels for parts
 * of a drawing and does not read them. Fills with text on them stay.
 */
export function clearSolidAreas(image: Raster): Raster {
  const { width, height, channels, data } = image;
  const colors = Uint32Array.from({ length: width * height }, (_, i) => {
    const at = i * channels;
    return ((data[at] ?? 0) << 16) | ((data[at + 1] ?? 0) << 8) | (data[at + 2] ?? 0);
  });
  const page = colors[0] ?? 0;
  const seen = new Uint8Array(colors.length);
  const result = copyRaster(image);
  for (let start = 0; start < colors.length; start++) {
    if (seen[start] === 1 || colors[start] === page) continue;
    const area = growArea(start, { colors, seen, width, height });
    const sides = { width: area.x2 - area.x1 + 1, height: area.y2 - area.y1 + 1 };
    const [short, long] = [
      Math.min(sides.width, sides.height),
      Math.max(sides.width, sides.height),
    ];
    const isBar = sides.width >= MIN_SIDE.width && sides.height >= MIN_SIDE.height;
    const isRule = short <= RULE.width && long >= RULE.length;
    const isSolid = area.count >= MIN_FILL * sides.width * sides.height;
    if (isSolid && (isBar || isRule)) paint(result, area, { color: page, rim: isBar ? RIM : 0 });
  }
  return result;
}

interface Area {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  readonly count: number;
}

/** The connected pixels of one color from `start` on, as their frame and number. */
function growArea(
  start: number,
  {
    colors,
    seen,
    width,
    height,
  }: { colors: Uint32Array; seen: Uint8Array; width: number; height: number },
): Area {
  const color = colors[start];
  const stack = [start];
  seen[start] = 1;
  let [x1, y1, x2, y2, count] = [width, height, 0, 0, 0];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const x = at % width;
    const y = (at - x) / width;
    x1 = Math.min(x1, x);
    x2 = Math.max(x2, x);
    y1 = Math.min(y1, y);
    y2 = Math.max(y2, y);
    count++;
    const neighbors = [x > 0 ? at - 1 : -1, x < width - 1 ? at + 1 : -1, at - width, at + width];
    for (const next of neighbors) {
      if (next >= 0 && next < colors.length && seen[next] === 0 && colors[next] === color) {
        seen[next] = 1;
        stack.push(next);
      }
    }
  }
  return { x1, y1, x2, y2, count };
}

function paint(
  image: Raster,
  { x1, y1, x2, y2 }: Area,
  { color, rim }: { color: number; rim: number },
): void {
  const { width, height, channels, data } = image;
  for (let y = Math.max(0, y1 - rim); y <= Math.min(height - 1, y2 + rim); y++) {
    for (let x = Math.max(0, x1 - rim); x <= Math.min(width - 1, x2 + rim); x++) {
      data.set([color >>> 16, (color >>> 8) & 255, color & 255], (y * width + x) * channels);
    }
  }
}
