import { afterAll, describe, expect, it } from 'vitest';
import { createTesseractEngine, loadTables, renderChart, visualTools } from '../src/index.js';

const engine = createTesseractEngine();
afterAll(() => engine.dispose());

describe('the default OCR engine, offline from its packages', () => {
  // A guard against a broken engine. The share that was measured, on more charts, is in
  // bench/vqa-tools/README.md.
  it('reads most axis labels and value labels of real charts', async () => {
    let read = 0;
    let total = 0;
    for (const table of (await loadTables('wikitablequestions'))
      .filter((one) => one.barColumns.length > 0)
      .slice(0, 9)) {
      const { labelColumn, barColumns, barValues } = table;
      const labels = table.rows.map((row) => row[labelColumn ?? 0] ?? '');
      if (labelColumn === null || labels.some((label) => !/^[\w .,-]{1,18}$/.test(label))) continue;
      const chart = await renderChart(table, {
        kind: 'h_bar',
        labelColumn,
        valueColumns: barColumns.slice(0, 1),
        values: barValues.slice(0, 1),
        style: { showValues: true },
      });
      const { text = '' } = await visualTools.ocr.run(chart.image, {}, { ocr: engine });
      const words = new Set(text.split('\n').map((line) => line.replace(/ \[[^\]]*\]$/, '')));
      const wanted = chart.data.flatMap(({ label, value }) => [...label.split(' '), String(value)]);
      total += wanted.length;
      read += wanted.filter((word) => words.has(word)).length;
    }
    expect(total).toBeGreaterThan(50);
    expect(read / total).toBeGreaterThan(0.8);
  }, 60_000);
});
