// Share of labels that the default OCR engine reads on charts of real tables:
// `npx tsx bench/vqa-tools/ocr.ts [tables]` after `npm run build`.

import { createTesseractEngine, loadTables, renderChart, visualTools } from '@iapo/vqa-tools';

const engine = createTesseractEngine();
const count = { words: 0, read: 0, single: 0, singleRead: 0 };
const times: number[] = [];
const tables = (await loadTables('wikitablequestions')).filter(
  (table) => table.barColumns.length > 0,
);
for (const table of tables.slice(0, Number(process.argv[2] ?? 24))) {
  const { labelColumn, barColumns, barValues } = table;
  const labels = table.rows.map((row) => row[labelColumn ?? 0] ?? '');
  // Labels that the chart would cut or that the English model has no letters for are left out.
  if (labelColumn === null || labels.some((label) => !/^[\w .,-]{1,18}$/.test(label))) continue;
  const chart = await renderChart(table, {
    kind: 'h_bar',
    labelColumn,
    valueColumns: barColumns.slice(0, 1),
    values: barValues.slice(0, 1),
    style: { showValues: true },
  });
  const start = performance.now();
  const { text = '' } = await visualTools.ocr.run(chart.image, {}, { ocr: engine });
  times.push(performance.now() - start);
  const read = new Set(text.split('\n').map((line) => line.replace(/ \[[^\]]*\]$/, '')));
  for (const word of chart.data.flatMap(({ label, value }) => [
    ...label.split(' '),
    String(value),
  ])) {
    const isRead = read.has(word) ? 1 : 0;
    if (word.length === 1) {
      count.single++;
      count.singleRead += isRead;
    } else {
      count.words++;
      count.read += isRead;
    }
  }
}
await engine.dispose();
const median = times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
console.log(`${times.length} charts, median ${median.toFixed(0)} ms`);
console.log(`words of two and more characters: ${count.read} of ${count.words}`);
console.log(`single characters: ${count.singleRead} of ${count.single}`);
