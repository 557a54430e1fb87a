// Speed of @iapo/vqa-tools: `npx tsx bench/vqa-tools/bench.ts [large.parquet]` after `npm run build`.
// Median of single calls in milliseconds of processor time; rates are of whole loops by wall time. The Parquet file is made by
// `bench/peers/vqa-tools/parquet.py`, which also measures pyarrow.

import {
  createRaster,
  hashPixels,
  loadTables,
  parseToolCalls,
  readDataset,
  renderChart,
  renderTable,
  visualTools,
} from '@iapo/vqa-tools';

const [parquetFile] = process.argv.slice(2);

async function median(runs: number, run: () => unknown): Promise<number> {
  for (let i = 0; i < Math.ceil(runs / 5); i++) await run();
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    // Processor time of the whole process: wall time would count what else the machine does.
    const start = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(start);
    times.push((user + system) / 1000);
  }
  return times.sort((a, b) => a - b)[Math.floor(runs / 2)] ?? Number.NaN;
}
const line = (name: string, value: number, unit: string, limit: string): void =>
  console.log(`${name.padEnd(36)} ${value.toFixed(2).padStart(10)} ${unit.padEnd(8)} ${limit}`);

const image = createRaster(640, 480, { color: [200, 180, 160] });
const boxes = ['a', 'b', 'c', 'd'].map((label, i) => ({
  label,
  box: { x1: i * 160, y1: 0, x2: (i + 1) * 160, y2: 480 },
}));
const metadata = {
  kind: 'v_bar',
  units: 'pixels' as const,
  xValues: boxes,
  yValues: boxes,
  columns: boxes,
  rows: boxes,
};
const plain = {
  crop: { box: [0.1, 0.1, 0.9, 0.9] },
  zoom: { box: [0.25, 0.25, 0.75, 0.75] },
  rotate: { degrees: 15 },
  flip: { direction: 'horizontal' },
  draw_horizontal_line: { y: 0.5 },
  draw_vertical_line: { x: 0.5 },
  point: { x: 0.5, y: 0.5 },
} as const;
for (const [name, tool] of Object.entries(visualTools)) {
  if (name === 'ocr') continue;
  const axis = name.replace('focus_on_', '').replace(/_with_.*/, '');
  const callArguments =
    name in plain ? plain[name as keyof typeof plain] : { [`${axis}_to_focus_on`]: ['b', 'c'] };
  line(name, await median(40, () => tool.run(image, callArguments, { metadata })), 'ms', '< 15');
}

const table = (await loadTables('wikitablequestions')).find(({ id }) => id === '200-csv/35');
if (table === undefined) throw new Error('the table is missing');
const chart = { labelColumn: table.labelColumn ?? 0, valueColumns: [1] };
line(
  'renderChart v_bar',
  await median(60, () => renderChart(table, { kind: 'v_bar', ...chart })),
  'ms',
  '< 40',
);
line(
  'renderChart h_bar',
  await median(60, () => renderChart(table, { kind: 'h_bar', ...chart })),
  'ms',
  '< 40',
);
line('renderTable', await median(60, () => renderTable(table)), 'ms', '< 15');

const texts = {
  hermes:
    '<tool_call>{"name": "focus_on_rows_with_draw", "arguments": {"rows_to_focus_on": ["1969", "1972"]}}</tool_call>',
  json: '{"name": "crop", "arguments": {"box": [0, 0.25, 0.5, 1]}}',
  openai:
    '{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"flip","arguments":"{\\"direction\\":\\"vertical\\"}"}}]}',
  'vtool-python':
    'THOUGHT 0: The columns.\nACTION 0:\n```python\nimage = focus_on_columns_with_mask(image_1, ["Year", "Team"], columns_bbox)\ndisplay(image)\n```\n',
} as const;
for (const [dialect, text] of Object.entries(texts)) {
  const rounds = 20_000;
  let read = 0;
  const run = (): void => {
    read += parseToolCalls(text, { dialect: dialect as keyof typeof texts }).calls.length;
  };
  for (let i = 0; i < 2000; i++) run();
  const start = performance.now();
  for (let i = 0; i < rounds; i++) run();
  line(
    `parseToolCalls ${dialect}`,
    (rounds / (performance.now() - start)) * 1000,
    'calls/s',
    '> 10000',
  );
  if (read !== rounds + 2000) throw new Error(`${dialect} was not read`);
}

if (parquetFile !== undefined) {
  const read = async (): Promise<number> => {
    let rows = 0;
    for await (const { images } of readDataset(parquetFile)) rows += images.length > 0 ? 1 : 0;
    return rows;
  };
  await read();
  // The best of five passes, as the peer's script; rows per second of processor time beside it,
  // because the machine may be shared.
  let [best, bestCpu] = [0, 0];
  for (let pass = 0; pass < 5; pass++) {
    const start = performance.now();
    const cpu = process.cpuUsage();
    const rows = await read();
    const { user, system } = process.cpuUsage(cpu);
    best = Math.max(best, (rows / (performance.now() - start)) * 1000);
    bestCpu = Math.max(bestCpu, (rows / (user + system)) * 1e6);
  }
  line('readDataset', best, 'rows/s', '> 0.5 of pyarrow');
  line('readDataset, processor time', bestCpu, 'rows/s', '');
  console.log(`peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`);
}
console.log(
  `input untouched: ${hashPixels(image) === hashPixels(createRaster(640, 480, { color: [200, 180, 160] }))}`,
);
