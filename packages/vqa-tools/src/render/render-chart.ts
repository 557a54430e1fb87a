import { createCanvas } from '@napi-rs/canvas';
import type { Box, BoxList } from '../boxes/box.js';
import type { ImageMetadata } from '../boxes/metadata.js';
import { VqaToolError } from '../errors.js';
import type { Raster } from '../image/raster.js';
import { toRaster } from './canvas-raster.js';
import {
  type ChartDatum,
  type ChartKind,
  type ChartSpecification,
  chartData,
  chartSpec,
} from './chart-spec.js';
import { type ChartStyle, defaultChartStyle } from './chart-style.js';
import { registerFonts } from './fonts.js';
import { type SceneBoxes, sceneBoxes } from './scene-boxes.js';
import type { Table } from './table.js';
import { loadVega } from './vega-module.js';

/** A drawn chart with the exact boxes of its parts, in pixels. */
export interface RenderedChart extends SceneBoxes {
  readonly image: Raster;
  readonly kind: ChartKind;
  /**
   * The form that the tools take: for vertical charts a box for each label over the full plot
   * height, cut at the midpoints between labels (`xValues`); for horizontal bars likewise over the
   * full width (`yValues`); for a pie the slices (`xValues`).
   */
  readonly metadata: ImageMetadata;
  readonly data: readonly ChartDatum[];
}

/** Space that a label's box leaves to the image's sides, as in ReFocus's horizontal bars. */
const SIDE_MARGIN = 5;

/**
 * Draws a column of a table as a chart, with the package's own font, so that every machine gives
 * the same pixels. vega and vega-lite are loaded on first use.
 *
 * @throws {VqaToolError} `bad-argument` for a table or specification that cannot be drawn.
 */
export async function renderChart(
  table: Table,
  specification: ChartSpecification,
): Promise<RenderedChart> {
  const data = chartData(table, specification);
  const style: ChartStyle = { ...defaultChartStyle, ...specification.style };
  assertStyle(style);
  registerFonts();
  const { kind } = specification;
  const { View, parse, compile } = await loadVega();
  const title = specification.title ?? table.title;
  const view = new View(parse(compile(chartSpec(data, { kind, title, style })).spec), {
    renderer: 'none',
  });
  try {
    await view.runAsync();
    const canvas = createCanvas(style.width, style.height);
    const context = canvas.getContext('2d');
    context.fillStyle = style.background;
    context.fillRect(0, 0, style.width, style.height);
    await view.toCanvas(1, { externalContext: context });
    const boxes = sceneBoxes(view);
    return {
      ...boxes,
      image: toRaster(canvas),
      kind,
      data,
      metadata: chartMetadata({ boxes, data, kind, style }),
    };
  } finally {
    view.finalize();
  }
}

function chartMetadata({
  boxes,
  data,
  kind,
  style,
}: {
  boxes: SceneBoxes;
  data: readonly ChartDatum[];
  kind: ChartKind;
  style: ChartStyle;
}): ImageMetadata {
  const { width, height } = style;
  const labels = [...new Set(data.map((datum) => datum.label))];
  const isHorizontal = kind.startsWith('h_bar');
  const shared = {
    // Grouped bars are read like plain ones.
    kind: kind.replace('_grouped', ''),
    units: 'pixels' as const,
    width,
    height,
    figure: boxes.plot,
  };
  if (kind === 'pie') {
    const slices = boxes.marks.map(({ label, box }) => ({ label, box }));
    return { ...shared, xValues: slices };
  }
  const bands = bandsOf(labels, { boxes, isHorizontal });
  const list: BoxList = labels.map((label, i) => {
    const [from = 0, to = 0] = bands[i] ?? [];
    const box: Box = isHorizontal
      ? { x1: SIDE_MARGIN, y1: from, x2: width - SIDE_MARGIN, y2: to }
      : { x1: from, y1: boxes.plot.y1, x2: to, y2: height - SIDE_MARGIN };
    return { label, box };
  });
  return isHorizontal ? { ...shared, yValues: list } : { ...shared, xValues: list };
}

/** Start and end of each label's band along the label axis, cut at midpoints between centers. */
function bandsOf(
  labels: readonly string[],
  { boxes, isHorizontal }: { boxes: SceneBoxes; isHorizontal: boolean },
): [number, number][] {
  const [start, end] = isHorizontal
    ? [boxes.plot.y1, boxes.plot.y2]
    : [boxes.plot.x1, boxes.plot.x2];
  const centers = labels.map((label) => {
    const own = boxes.marks.filter((mark) => mark.label === label).map(({ box }) => box);
    const low = Math.min(...own.map((box) => (isHorizontal ? box.y1 : box.x1)));
    const high = Math.max(...own.map((box) => (isHorizontal ? box.y2 : box.x2)));
    return (low + high) / 2;
  });
  return centers.map((center, i) => {
    const before = centers[i - 1];
    const after = centers[i + 1];
    return [
      before === undefined ? start : (before + center) / 2,
      after === undefined ? end : (center + after) / 2,
    ];
  });
}

function assertStyle({ width, height }: ChartStyle): void {
  for (const [name, value] of Object.entries({ width, height })) {
    if (!Number.isInteger(value) || value < 100 || value > 4096) {
      throw new VqaToolError(
        'bad-argument',
        `\`style.${name}\` must be an integer from 100 to 4096, got ${value}.`,
      );
    }
  }
}
