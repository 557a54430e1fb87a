// Draws a chart and a table from one real table, applies every built-in tool, and writes the
// results side by side: `npm start -- [file.png]` in this folder.

import { writeFile } from 'node:fs/promises';
import {
  cropRaster,
  encodePng,
  loadTables,
  type Raster,
  randomTableStyle,
  renderChart,
  renderTable,
  resizeRaster,
  toRgba,
  visualTools,
} from '@iapo/vqa-tools';
import { createCanvas, ImageData } from '@napi-rs/canvas';

const CELL = { width: 330, height: 250, caption: 26, gap: 10 };
const COLUMNS = 4;

const table = (await loadTables('wikitablequestions')).find(({ id }) => id === '200-csv/35');
if (table === undefined || table.labelColumn === null) throw new Error('the table is missing');
const rows = table.rows.filter(([label]) => label !== 'Total');
const chartTable = { title: table.title, columns: table.columns, rows };
const options = { labelColumn: table.labelColumn, valueColumns: [1], style: { showValues: true } };
const vertical = await renderChart(chartTable, { kind: 'v_bar', ...options });
const horizontal = await renderChart(chartTable, { kind: 'h_bar', ...options });
const grid = renderTable(table, randomTableStyle(2));

const sheet: { caption: string; image: Raster }[] = [
  { caption: 'renderChart v_bar', image: vertical.image },
  { caption: 'renderChart h_bar', image: horizontal.image },
  { caption: 'renderTable', image: grid.image },
];
const labels = {
  columns: ['Active Voters', 'Percentage'],
  rows: ['Republican'],
  x_values: ['Democratic'],
  y_values: ['Unaffiliated'],
} as const;

for (const mode of ['mask', 'draw', 'highlight'] as const) {
  for (const axis of ['columns', 'rows', 'x_values', 'y_values'] as const) {
    const source = axis === 'x_values' ? vertical : axis === 'y_values' ? horizontal : grid;
    const name = `focus_on_${axis}_with_${mode}` as const;
    const { image } = await visualTools[name].run(
      source.image,
      { [`${axis}_to_focus_on`]: labels[axis] },
      { metadata: source.metadata },
    );
    if (image !== undefined) sheet.push({ caption: name, image });
  }
}
const calls = {
  crop: { box: [0, 0.5, 0.6, 1] },
  zoom: { box: [0.05, 0.6, 0.3, 0.95], factor: 3 },
  rotate: { degrees: 20 },
  flip: { direction: 'horizontal' },
  draw_horizontal_line: { y: 0.5 },
  draw_vertical_line: { x: 0.4 },
  point: { x: 0.33, y: 0.72 },
} as const;
for (const [name, callArguments] of Object.entries(calls)) {
  const tool = visualTools[name as keyof typeof calls];
  const { image } = await tool.run(vertical.image, callArguments, { metadata: vertical.metadata });
  if (image !== undefined)
    sheet.push({ caption: `${name} ${JSON.stringify(callArguments)}`, image });
}

const { text = '' } = await visualTools.ocr.run(vertical.image, {});
console.log(`ocr read ${text.split('\n').length} words, the first:`);
console.log(text.split('\n').slice(0, 4).join('\n'));

const file = process.argv[2] ?? 'contact-sheet.png';
await writeFile(file, encodePng(drawSheet()));
console.log(`${file}: ${sheet.length} pictures`);

function drawSheet(): Raster {
  const lines = Math.ceil(sheet.length / COLUMNS);
  const width = COLUMNS * (CELL.width + CELL.gap) + CELL.gap;
  const height = lines * (CELL.height + CELL.caption + CELL.gap) + CELL.gap;
  const canvas = createCanvas(width, height);
  const context = canvas.getContext('2d');
  context.fillStyle = '#d8dce2';
  context.fillRect(0, 0, width, height);
  for (const [index, { caption, image }] of sheet.entries()) {
    const left = CELL.gap + (index % COLUMNS) * (CELL.width + CELL.gap);
    const top = CELL.gap + Math.floor(index / COLUMNS) * (CELL.height + CELL.caption + CELL.gap);
    context.fillStyle = '#1c1e21';
    context.font = '13px "IAPO Sans latin"';
    context.fillText(caption, left, top + 16, CELL.width);
    const scale = Math.min(CELL.width / image.width, CELL.height / image.height, 1);
    const small = resizeRaster(image, {
      width: Math.max(1, Math.round(image.width * scale)),
      height: Math.max(1, Math.round(image.height * scale)),
    });
    const { data } = toRgba(small);
    context.putImageData(new ImageData(data, small.width, small.height), left, top + CELL.caption);
  }
  const { data } = context.getImageData(0, 0, width, height);
  const whole: Raster = { width, height, channels: 4, data };
  return cropRaster(whole, { x1: 0, y1: 0, x2: width, y2: height });
}
