import { describe, expect, it } from 'vitest';
import {
  hashPixels,
  pixelAt,
  randomChartStyle,
  randomTableStyle,
  renderChart,
  renderTable,
  type Table,
} from '../src/index.js';
import { CHART_KINDS } from '../src/render/chart-spec.js';

const table: Table = {
  title: 'Energy by year',
  columns: ['Year', 'Coal', 'Wind'],
  rows: [
    ['2001', '35', '1.5'],
    ['2002', '30', '4'],
    ['2003', '28', '10'],
    ['2004', '25', '12'],
  ],
};

describe('renderTable', () => {
  it('knows every edge: fills and lines change exactly there', () => {
    const { image, cells, metadata } = renderTable(table, {
      lines: 'none',
      headerFill: '#ff0000',
      zebraFill: '#00ff00',
    });
    for (const [row, line] of cells.entries()) {
      const fill = row === 0 ? [255, 0, 0] : row % 2 === 0 ? [0, 255, 0] : [255, 255, 255];
      for (const { x1, y1, x2, y2 } of line) {
        for (const [x, y] of [
          [x1, y1],
          [x2 - 1, y1],
          [x1, y2 - 1],
          [x2 - 1, y2 - 1],
        ] as const) {
          expect(pixelAt(image, x, y)).toEqual(fill);
        }
      }
    }
    expect(metadata.columns?.map(({ label }) => label)).toEqual(['Year', 'Coal', 'Wind']);
    expect(metadata.rows?.map(({ label }) => label)).toEqual([
      'Year',
      '2001',
      '2002',
      '2003',
      '2004',
    ]);
    expect(metadata.rows?.[2]?.box).toEqual({
      x1: cells[2]?.[0]?.x1,
      y1: cells[2]?.[0]?.y1,
      x2: cells[2]?.[2]?.x2,
      y2: cells[2]?.[0]?.y2,
    });
  });
  it('draws lines on the edges', () => {
    const { image, cells } = renderTable(table, { lines: 'all', lineColor: '#0000ff' });
    for (const { x1, y1, x2, y2 } of cells.flat()) {
      for (const [x, y] of [
        [x1, y1],
        [x2, y1],
        [x1, y2],
        [x2, y2],
      ] as const)
        expect(pixelAt(image, x, y)).toEqual([0, 0, 255]);
    }
  });
  it('puts the text inside the cell, cut with an ellipsis where it is too long', () => {
    const long = { columns: ['a'], rows: [['x'.repeat(300)]] };
    const { image, cells } = renderTable(long, { maxColumnWidth: 100 });
    const [cell] = cells[1] ?? [];
    expect((cell?.x2 ?? 0) - (cell?.x1 ?? 0)).toBe(100);
    expect(image.width).toBe(120);
  });
  it('names repeated labels apart, and refuses ragged, empty and huge tables', () => {
    const { metadata } = renderTable({
      columns: ['a', 'a'],
      rows: [
        ['1', '2'],
        ['1', '3'],
      ],
    });
    expect(metadata.columns?.map(({ label }) => label)).toEqual(['a', 'a (2)']);
    expect(metadata.rows?.map(({ label }) => label)).toEqual(['a', '1', '1 (2)']);
    expect(() => renderTable({ columns: ['a'], rows: [['1', '2']] })).toThrow(
      /Row 0 .* 2 cells, expected 1/,
    );
    expect(() => renderTable({ columns: [], rows: [] })).toThrow(/at least one column/);
    expect(() =>
      renderTable({ columns: ['a'], rows: Array.from({ length: 30_000 }, () => ['1']) }),
    ).toThrow(/20000 cells/);
    expect(() => renderTable(table, { fontSize: 4 })).toThrow(/8 to 40/);
  });
});

describe('renderChart', () => {
  it.each(['v_bar', 'h_bar', 'v_bar_grouped', 'h_bar_grouped'] as const)(
    '%s: bars are where their boxes say',
    async (kind) => {
      const valueColumns = kind.endsWith('grouped') ? [1, 2] : [1];
      const chart = await renderChart(table, {
        kind,
        valueColumns,
        style: { colors: ['#c80000', '#0000c8'], grid: false },
      });
      expect(chart.marks).toHaveLength(4 * valueColumns.length);
      expect(chart.image).toMatchObject({ width: 640, height: 480, channels: 3 });
      for (const {
        box: { x1, y1, x2, y2 },
        series,
      } of chart.marks) {
        const color = series === 'Coal' ? [200, 0, 0] : [0, 0, 200];
        // One pixel in from each corner is the bar's own, one and a half out is not.
        for (const [x, y] of [
          [x1 + 1, y1 + 1],
          [x2 - 1.5, y1 + 1],
          [x1 + 1, y2 - 1.5],
          [x2 - 1.5, y2 - 1.5],
        ] as const) {
          expect(pixelAt(chart.image, Math.floor(x), Math.floor(y))).toEqual(color);
        }
        const outside = kind.startsWith('v')
          ? [(x1 + x2) / 2, y1 - 1.5]
          : [x2 + 1.5, (y1 + y2) / 2];
        expect(
          pixelAt(chart.image, Math.floor(outside[0] ?? 0), Math.floor(outside[1] ?? 0)),
        ).not.toEqual(color);
      }
    },
  );

  it('has bar lengths in proportion to the values', async () => {
    const { marks } = await renderChart(table, { kind: 'v_bar', valueColumns: [1] });
    const scale = marks.map(({ box, value }) => (box.y2 - box.y1) / value);
    for (const each of scale) expect(each).toBeCloseTo(scale[0] ?? 0, 6);
  });

  it.each(CHART_KINDS)(
    '%s: metadata names every label once, inside the image, in order',
    async (kind) => {
      const { metadata, image } = await renderChart(table, { kind, valueColumns: [1] });
      const list = metadata.xValues ?? metadata.yValues ?? [];
      expect(list.map(({ label }) => label)).toEqual(['2001', '2002', '2003', '2004']);
      for (const {
        box: { x1, y1, x2, y2 },
      } of list) {
        expect(
          x1 >= 0 && y1 >= 0 && x1 < x2 && y1 < y2 && x2 <= image.width && y2 <= image.height,
        ).toBe(true);
      }
      if (kind === 'pie') return;
      // Neighbors share an edge at the midpoint between their centers.
      const [start, end] = kind.startsWith('h') ? (['y1', 'y2'] as const) : (['x1', 'x2'] as const);
      for (let i = 1; i < list.length; i++) expect(list[i]?.box[start]).toBe(list[i - 1]?.box[end]);
      expect(metadata.kind).toBe(kind.replace('_grouped', ''));
    },
  );

  it('frames every drawn text: inside there is ink, around it there is none', async () => {
    const { texts, image } = await renderChart(table, {
      kind: 'v_bar',
      valueColumns: [1],
      style: { grid: false, showValues: true },
    });
    expect(texts.filter(({ role }) => role === 'axis-label').map(({ text }) => text)).toContain(
      '2003',
    );
    expect(texts.find(({ role }) => role === 'title')?.text).toBe('Energy by year');
    const isInk = (x: number, y: number): boolean => Math.min(...pixelAt(image, x, y)) < 128;
    for (const { text, box, role } of texts.filter(
      (one) => one.role !== 'value' && one.role !== 'axis-title',
    )) {
      let ink = 0;
      for (let y = Math.floor(box.y1); y < box.y2; y++)
        for (let x = Math.floor(box.x1); x < box.x2; x++) ink += isInk(x, y) ? 1 : 0;
      expect(ink, `${role} ${text}`).toBeGreaterThan(text.length * 2);
      for (let y = Math.floor(box.y1); y < box.y2; y++)
        expect(isInk(Math.floor(box.x1) - 2, y), text).toBe(false);
    }
  });

  it('refuses tables that cannot be drawn', async () => {
    const bad = (rows: string[][], spec: object = {}) =>
      renderChart({ columns: ['a', 'b'], rows }, { kind: 'v_bar', ...spec });
    await expect(
      bad([
        ['x', '1'],
        ['x', '2'],
      ]),
    ).rejects.toThrow(/"x" repeats/);
    await expect(bad([['x', 'one']], { valueColumns: [1] })).rejects.toThrow(
      /"one"\) is no number/,
    );
    await expect(bad([['x', 'one']])).rejects.toThrow(/one value column, got 0/);
    await expect(bad([['x', '1']], { kind: 'radar' })).rejects.toThrow(/Known: v_bar/);
    await expect(bad([['x', '1']], { style: { width: 10 } })).rejects.toThrow(/100 to 4096/);
    await expect(bad([])).rejects.toMatchObject({ code: 'bad-argument' });
  });
});

describe('pixels', () => {
  it('are the same on two runs and in parallel', async () => {
    const once = async () =>
      hashPixels((await renderChart(table, { kind: 'line', valueColumns: [1, 2] })).image);
    const first = await once();
    expect(await Promise.all(Array.from({ length: 6 }, once))).toEqual(
      Array.from({ length: 6 }, () => first),
    );
    expect(hashPixels(renderTable(table).image)).toBe(hashPixels(renderTable(table).image));
  });
  it('vary with the seed of the style, and only with it', () => {
    const hashes = Array.from({ length: 12 }, (_, seed) =>
      hashPixels(renderTable(table, randomTableStyle(seed)).image),
    );
    expect(new Set(hashes).size).toBeGreaterThan(8);
    expect(randomTableStyle(5)).toEqual(randomTableStyle(5));
    expect(randomChartStyle(5)).toEqual(randomChartStyle(5));
  });
  it('use no font of the machine: characters without a glyph of ours become "?"', () => {
    const one = renderTable({ columns: ['漢字'], rows: [['\u{1f600}']] });
    const other = renderTable({ columns: ['??'], rows: [['?']] });
    expect(hashPixels(one.image)).toBe(hashPixels(other.image));
    // Letters of the other scripts of the font are drawn.
    const greek = renderTable({ columns: ['Ωμέγα žluť'], rows: [['Жук']] });
    expect(hashPixels(greek.image)).not.toBe(
      hashPixels(renderTable({ columns: ['????? ????'], rows: [['???']] }).image),
    );
  });
});
