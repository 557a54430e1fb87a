import {
  type Color,
  createRaster,
  type ImageMetadata,
  type LabeledBox,
  type Raster,
} from '@iapo/vqa-tools';
import { tagColors } from './colors.js';
import { glyphs } from './glyphs.js';

/** One bar or one row: a colored tag with a letter, and a value. */
export interface ChartItem {
  readonly label: string;
  /** A name of {@link tagColors}. */
  readonly color: string;
  /** Two digits, 10 to 99. */
  readonly value: number;
}

/** What is drawn, from left to right or from top to bottom. */
export interface ChartContent {
  readonly kind: 'bars' | 'table';
  readonly items: readonly ChartItem[];
}

/** Side in pixels of one visual token: patch 8, merged two by two. Everything lies on this grid. */
const cellPixels = 16;

/** Name of a table's top rule among its rows: the row tools never mask the first region, a header. */
export const headerRow = 'header';

const white: Color = [255, 255, 255];
const ink: Color = [20, 20, 20];
const gray: Color = [150, 150, 150];

/** A picture with the exact boxes (inclusive pixels) of its bars or rows. */
export interface ChartPicture {
  readonly image: Raster;
  readonly metadata: ImageMetadata;
}

/** Draws bars as columns of 16×64 pixels, a table as rows of 64×16. */
export function drawPicture(content: ChartContent): ChartPicture {
  return content.kind === 'bars' ? drawBars(content.items) : drawTable(content.items);
}

/** From above: the value, a gray bar of up to 32 pixels, the tag. */
function drawBars(items: readonly ChartItem[]): ChartPicture {
  const [width, height] = [items.length * cellPixels, 4 * cellPixels];
  const image = createRaster(width, height);
  const xValues: LabeledBox[] = items.map(({ label, color, value }, index) => {
    const left = index * cellPixels;
    const barHeight = Math.max(1, Math.round((32 * value) / 99));
    fill(image, { x: left + 4, y: 48 - barHeight, width: 8, height: barHeight }, gray);
    drawNumber(image, value, left, 0);
    drawTag(image, { label, color }, left, 3 * cellPixels);
    return { label, box: { x1: left + 1, y1: 1, x2: left + 14, y2: height - 2 } };
  });
  return { image, metadata: { kind: 'v_bar', units: 'pixels', width, height, xValues } };
}

/** From the left: the tag, an empty cell, the value, an empty cell; a rule on top. */
function drawTable(items: readonly ChartItem[]): ChartPicture {
  const [width, height] = [4 * cellPixels, items.length * cellPixels];
  const image = createRaster(width, height);
  fill(image, { x: 0, y: 0, width, height: 1 }, ink);
  const header: LabeledBox = { label: headerRow, box: { x1: 0, y1: 0, x2: width - 1, y2: 0 } };
  const rows = items.map(({ label, color, value }, index): LabeledBox => {
    const top = index * cellPixels;
    drawTag(image, { label, color }, 0, top);
    drawNumber(image, value, 2 * cellPixels, top);
    return { label, box: { x1: 1, y1: top + 1, x2: width - 2, y2: top + 14 } };
  });
  return {
    image,
    metadata: { kind: 'table', units: 'pixels', width, height, rows: [header, ...rows] },
  };
}

/** A tag of 14×14 pixels in the middle of a cell, with a white letter. */
function drawTag(
  image: Raster,
  { label, color }: Pick<ChartItem, 'label' | 'color'>,
  left: number,
  top: number,
): void {
  fill(image, { x: left + 1, y: top + 1, width: 14, height: 14 }, tagColors[color] ?? ink);
  drawGlyph(image, label, { x: left + 6, y: top + 5, color: white });
}

/** Two digits, 11×7 pixels, in the middle of a cell. */
function drawNumber(image: Raster, value: number, left: number, top: number): void {
  const [tens = '', ones = ''] = String(value);
  drawGlyph(image, tens, { x: left + 3, y: top + 5, color: ink });
  drawGlyph(image, ones, { x: left + 9, y: top + 5, color: ink });
}

function drawGlyph(
  image: Raster,
  character: string,
  { x, y, color }: { readonly x: number; readonly y: number; readonly color: Color },
): void {
  for (const [row, line] of (glyphs[character] ?? []).entries()) {
    for (let column = 0; column < line.length; column++) {
      if (line[column] === '#')
        fill(image, { x: x + column, y: y + row, width: 1, height: 1 }, color);
    }
  }
}

/** Fills pixels of an image that this file owns. */
function fill(
  { data, width: stride }: Raster,
  area: { readonly x: number; readonly y: number; readonly width: number; readonly height: number },
  [red, green, blue]: Color,
): void {
  for (let y = area.y; y < area.y + area.height; y++) {
    for (let x = area.x; x < area.x + area.width; x++)
      data.set([red, green, blue], (y * stride + x) * 3);
  }
}
