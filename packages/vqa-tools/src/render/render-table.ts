import { createCanvas, type SKRSContext2D } from '@napi-rs/canvas';
import type { Box, LabeledBox } from '../boxes/box.js';
import type { ImageMetadata } from '../boxes/metadata.js';
import { VqaToolError } from '../errors.js';
import type { Raster } from '../image/raster.js';
import { toRaster } from './canvas-raster.js';
import { drawableText, FONT_FAMILY, registerFonts } from './fonts.js';
import { assertTable, cellNumber, type Table } from './table.js';
import { defaultTableStyle, type TableStyle } from './table-style.js';

/** A drawn table with the exact boxes of its parts, in pixels. */
export interface RenderedTable {
  readonly image: Raster;
  /** Columns by header; rows by their first cell, the header row first, as the tools take them. */
  readonly metadata: ImageMetadata;
  /** Boxes of all cells, the header row first: `cells[row][column]`. */
  readonly cells: readonly (readonly Box[])[];
}

/**
 * Draws a table with the package's own font, so that every machine gives the same pixels. Columns
 * are as wide as their widest cell; numbers stand to the right. Boxes of neighbors share an edge.
 *
 * Repeated headers and first cells are told apart by a suffix (" (2)") in the metadata, because a
 * label must name one region.
 *
 * @throws {VqaToolError} `bad-argument` for a ragged table, `limit-exceeded` for a huge one.
 */
export function renderTable(table: Table, style: Partial<TableStyle> = {}): RenderedTable {
  assertTable(table);
  registerFonts();
  const chosen = { ...defaultTableStyle, ...style };
  assertStyle(chosen);
  const lines = [table.columns, ...table.rows].map((row) => row.map(drawableText));
  const layout = layOut(lines, { table, style: chosen });
  const canvas = createCanvas(layout.width, layout.height);
  const context = canvas.getContext('2d');
  context.fillStyle = '#ffffff';
  context.fillRect(0, 0, layout.width, layout.height);
  context.textBaseline = 'middle';
  drawCells(context, lines, { layout, style: chosen });
  drawLines(context, { layout, style: chosen });
  return {
    image: toRaster(canvas),
    metadata: tableMetadata(table, layout),
    cells: layout.tops.slice(0, -1).map((y1, row) =>
      layout.lefts.slice(0, -1).map((x1, column) => ({
        x1,
        y1,
        x2: layout.lefts[column + 1] ?? x1,
        y2: layout.tops[row + 1] ?? y1,
      })),
    ),
  };
}

interface Layout {
  readonly width: number;
  readonly height: number;
  /** Column edges, one more than columns. */
  readonly lefts: readonly number[];
  /** Row edges, one more than rows with the header. */
  readonly tops: readonly number[];
  readonly title: string | null;
}

function font(style: TableStyle, isBold: boolean): string {
  return `${isBold ? '700 ' : ''}${style.fontSize}px ${FONT_FAMILY}`;
}

function layOut(
  lines: readonly (readonly string[])[],
  { table, style }: { table: Table; style: TableStyle },
): Layout {
  const measure = createCanvas(1, 1).getContext('2d');
  const { padding, margin, maxColumnWidth } = style;
  const lefts = [margin];
  for (let column = 0; column < table.columns.length; column++) {
    let widest = 0;
    for (const [row, line] of lines.entries()) {
      measure.font = font(style, row === 0);
      widest = Math.max(widest, measure.measureText(line[column] ?? '').width);
    }
    const width = Math.min(maxColumnWidth, Math.ceil(widest) + 2 * padding);
    lefts.push((lefts.at(-1) ?? 0) + width);
  }
  const rowHeight = Math.ceil(style.fontSize * 1.25) + 2 * Math.ceil(padding * 0.7);
  const title = style.showTitle && table.title !== undefined ? drawableText(table.title) : null;
  const top = margin + (title === null ? 0 : rowHeight);
  const tops = Array.from({ length: lines.length + 1 }, (_, row) => top + row * rowHeight);
  return {
    lefts,
    tops,
    title,
    width: (lefts.at(-1) ?? 0) + margin,
    height: (tops.at(-1) ?? 0) + margin,
  };
}

function drawCells(
  context: SKRSContext2D,
  lines: readonly (readonly string[])[],
  { layout, style }: { layout: Layout; style: TableStyle },
): void {
  const { lefts, tops, title } = layout;
  const [left = 0] = lefts;
  const right = lefts.at(-1) ?? 0;
  if (title !== null) {
    context.font = font(style, true);
    context.fillStyle = style.text;
    context.textAlign = 'left';
    context.fillText(title, left, style.margin + style.fontSize, right - left);
  }
  for (const [row, line] of lines.entries()) {
    const y1 = tops[row] ?? 0;
    const y2 = tops[row + 1] ?? y1;
    const fill = row === 0 ? style.headerFill : row % 2 === 0 ? style.zebraFill : null;
    if (fill !== null) {
      context.fillStyle = fill;
      context.fillRect(left, y1, right - left, y2 - y1);
    }
    context.font = font(style, row === 0);
    context.fillStyle = row === 0 ? style.headerText : style.text;
    for (const [column, cell] of line.entries()) {
      const x1 = lefts[column] ?? 0;
      const x2 = lefts[column + 1] ?? x1;
      const isNumber = row > 0 && cellNumber(cell) !== null;
      const text = fitText(context, cell, x2 - x1 - 2 * style.padding);
      context.textAlign = isNumber ? 'right' : 'left';
      context.fillText(text, isNumber ? x2 - style.padding : x1 + style.padding, (y1 + y2) / 2);
    }
  }
}

/** The longest beginning of a text that fits, with "…"; found by bisection. */
function fitText(context: SKRSContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (context.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle;
    else high = middle - 1;
  }
  return `${text.slice(0, low)}…`;
}

function drawLines(
  context: SKRSContext2D,
  { layout, style }: { layout: Layout; style: TableStyle },
): void {
  const { lefts, tops } = layout;
  const [left = 0] = lefts;
  const [top = 0] = tops;
  const right = lefts.at(-1) ?? 0;
  const bottom = tops.at(-1) ?? 0;
  context.fillStyle = style.lineColor;
  // Filled rectangles of one pixel: strokes would be blurred over two.
  const horizontal = (y: number): void => context.fillRect(left, y, right - left + 1, 1);
  if (style.lines === 'header') {
    horizontal(top);
    horizontal(tops[1] ?? top);
    horizontal(bottom);
  }
  if (style.lines === 'rows' || style.lines === 'all') for (const y of tops) horizontal(y);
  if (style.lines === 'all') for (const x of lefts) context.fillRect(x, top, 1, bottom - top + 1);
}

function tableMetadata(table: Table, { lefts, tops, width, height }: Layout): ImageMetadata {
  const [left = 0] = lefts;
  const [top = 0] = tops;
  const right = lefts.at(-1) ?? 0;
  const bottom = tops.at(-1) ?? 0;
  const rowLabels = [table.columns[0] ?? '', ...table.rows.map((row) => row[0] ?? '')];
  return {
    kind: 'table',
    units: 'pixels',
    width,
    height,
    figure: { x1: left, y1: top, x2: right, y2: bottom },
    columns: uniqueLabels(table.columns).map(
      (label, i): LabeledBox => ({
        label,
        box: { x1: lefts[i] ?? 0, y1: top, x2: lefts[i + 1] ?? 0, y2: bottom },
      }),
    ),
    rows: uniqueLabels(rowLabels).map(
      (label, i): LabeledBox => ({
        label,
        box: { x1: left, y1: tops[i] ?? 0, x2: right, y2: tops[i + 1] ?? 0 },
      }),
    ),
  };
}

/** Labels that repeat get " (2)", " (3)", … */
function uniqueLabels(labels: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return labels.map((label) => {
    const count = (seen.get(label) ?? 0) + 1;
    seen.set(label, count);
    return count === 1 ? label : `${label} (${count})`;
  });
}

function assertStyle({ fontSize, maxColumnWidth }: TableStyle): void {
  if (!(fontSize >= 8 && fontSize <= 40)) {
    throw new VqaToolError('bad-argument', `\`fontSize\` must be 8 to 40 pixels, got ${fontSize}.`);
  }
  if (!(maxColumnWidth >= 40 && maxColumnWidth <= 2000)) {
    throw new VqaToolError(
      'bad-argument',
      `\`maxColumnWidth\` must be 40 to 2000 pixels, got ${maxColumnWidth}.`,
    );
  }
}
