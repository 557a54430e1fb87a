import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createRaster,
  datasetFormats,
  decodeImage,
  describeParquet,
  encodePng,
  pixelAt,
  readDataset,
  readMetadata,
  splitOf,
  type VqaExample,
  type WritableExample,
  writeDataset,
} from '../src/index.js';
import { referenceFile } from './reference-files.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vqa-data-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});
const put = async (name: string, content: string): Promise<string> => {
  const file = join(folder, name);
  await writeFile(file, content);
  return file;
};

// biome-ignore lint/suspicious/noExplicitAny: a reference file, read field by field below
const expected: any = JSON.parse(await readFile(referenceFile('parquet/expected.json'), 'utf8'));

describe('the Parquet reference files', () => {
  it.each(Object.keys(expected.files))('%s: every value', async (name) => {
    const examples = await readDataset(referenceFile(`parquet/${name}`)).toArray();
    const contents = expected.files[name].contents;
    expect(examples).toHaveLength(contents.length);
    for (const [row, want] of contents.entries()) {
      expect(await plain(examples[row]?.raw)).toEqual(await plain(want));
    }
  });

  it.each(Object.keys(expected.files))('%s: the footer', async (name) => {
    const want = expected.files[name];
    const got = await describeParquet(referenceFile(`parquet/${name}`));
    expect(got.rows).toBe(want.rows);
    expect(got.rowGroups).toEqual(want.rowGroups);
    expect(got.compression).toEqual(want.compression);
    expect(got.encodings).toEqual(want.encodings);
    expect(got.leafColumns).toEqual(want.leafColumns);
    expect(got.arrowSchema).toEqual(want.arrowSchema);
  });

  /** Null children of structs are dropped on both sides: a reader must drop them. */
  async function plain(value: unknown): Promise<unknown> {
    if (value instanceof Uint8Array) {
      const image = await decodeImage(value);
      return {
        $bytes: value.length,
        sha256: createHash('sha256').update(value).digest('hex'),
        width: image.width,
        height: image.height,
        pixel_0_0: pixelAt(image, 0, 0),
        pixel_middle: pixelAt(image, Math.floor(image.width / 2), Math.floor(image.height / 2)),
      };
    }
    if (Array.isArray(value)) return await Promise.all(value.map(plain));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).filter(([, item]) => item !== null && item !== undefined);
    return Object.fromEntries(
      await Promise.all(entries.map(async ([key, item]) => [key, await plain(item)])),
    );
  }

  it('brings both versions of VTool-R1 to the same questions and boxes', async () => {
    const short = ({ question, answers, metadata }: VqaExample) => ({
      question,
      answers,
      xs: metadata?.xValues?.map(({ label }) => label) ?? [],
      ys: metadata?.yValues?.map(({ label }) => label) ?? [],
    });
    const names = ['vtool_chart', 'vtool_chart.zstd', 'vtool_chart_v1', 'vtool_chart_v1_struct'];
    const read = await Promise.all(
      names.map(async (name) =>
        (await readDataset(referenceFile(`parquet/${name}.parquet`)).toArray()).map(short),
      ),
    );
    for (const other of read.slice(1)) expect(other).toEqual(read[0]);
    expect(read[0]?.[0]?.xs).toEqual(['2019', '2020', '2021']);
    expect(read[0]?.[2]?.answers).toEqual(['Q1', 'Q3']);
  });
});

describe('formats', () => {
  const rows: Record<string, Record<string, unknown>> = {
    'refocus-train': {
      id: 'train-1',
      conversations: [{ images: ['a.png'], response: '' }],
      focus_areas: null,
      query: 'How many?',
      answer: ['3', '4'],
      source: 'v_bar',
      x_values_bbox: { 2019: { x1: 0, y1: 0, x2: 9, y2: 9 } },
      y_values_bbox: null,
      figure_bbox: { x1: 0, y1: 0, x2: 90, y2: 90 },
    },
    'refocus-test': {
      figure_id: 7,
      figure_path: 'a.png',
      query: 'How many?',
      answer: 'x',
      type: 'h_bar',
      x_values: [],
      x_bboxes: [],
      y_values: ['Ana'],
      y_bboxes: [{ x1: 0.1, y1: 0.1, x2: 0.9, y2: 0.2 }],
    },
    'chartqa-github': { imgname: 'a.png', query: 'How many?', label: '3' },
    'chartqa-hub': { image: null, query: 'How many?', label: ['3'], human_or_machine: 0 },
    'chartqa-lmms': { type: 'human_test', question: 'How many?', answer: '3', image: null },
    'charxiv-github': {
      figure_id: 5,
      query: 'How many?',
      answer: '3',
      inst_category: 3,
      qa_source: 1,
    },
    'charxiv-hub': {
      image: null,
      original_id: 'x',
      reasoning_q: 'How many?',
      reasoning_a: '3',
      reasoning_q_source: 1,
    },
    tablevqabench: { qa_id: 'q', image: null, question: 'How many?', gt: 1 },
    tabfact: { id: 's', tableId: 't', statement: 'How many?', label: 0, split: 'train' },
    wikitablequestions: {
      id: 'q',
      tableId: 't',
      question: 'How many?',
      answers: ['3'],
      split: 'train',
    },
  };

  it.each(Object.keys(rows))('%s is found by its columns', async (format) => {
    const file = await put(`${format}.jsonl`, `${JSON.stringify(rows[format])}\n`);
    const [example] = await readDataset(file).toArray();
    expect(example).toMatchObject({ format, question: 'How many?', source: { file, row: 0 } });
  });

  it('reads objects keyed by id, as ReFocus and CharXiv write them', async () => {
    const file = await put(
      'map.json',
      JSON.stringify({ a: rows['refocus-test'], b: rows['refocus-test'] }),
    );
    const examples = await readDataset(file).toArray();
    expect(examples).toHaveLength(2);
    expect(examples[0]?.metadata).toEqual({
      kind: 'h_bar',
      units: 'fractions',
      yValues: [{ label: 'Ana', box: { x1: 0.1, y1: 0.1, x2: 0.9, y2: 0.2 } }],
    });
  });

  it("reads version 2's table boxes, the placeholder of version 1, and refuses a bad box", () => {
    const box = { x1: 0, y1: 5, x2: 9, y2: 9 };
    expect(
      readMetadata({ source: 'tablevqa_x', x_values_bbox: { A: box }, y_values_bbox: { B: box } }),
    ).toEqual({
      kind: 'tablevqa_x',
      units: 'pixels',
      columns: [{ label: 'A', box }],
      rows: [{ label: 'B', box }],
    });
    expect(
      readMetadata('{"type": "v_bar", "x_values_bbox": {"x1": "none"}}').xValues,
    ).toBeUndefined();
    expect(() => readMetadata({ type: 'v_bar', x_values_bbox: { A: { x1: 'no' } } })).toThrow(
      /box of "A"/,
    );
  });
});

describe('bad rows', () => {
  it('with bad boxes are skipped, or refuse their metadata with file and row', async () => {
    const row = {
      figure_id: '1',
      query: '?',
      answer: '3',
      metadata: '{"type": "v_bar", "x_values_bbox": {"a": 1}}',
      images: [],
    };
    const file = await put('boxes.jsonl', JSON.stringify(row));
    const skipping = readDataset(file, { onBadRow: 'skip' });
    expect([await skipping.toArray(), skipping.statistics.skipped]).toEqual([[], 1]);
    const [example] = await readDataset(file).toArray();
    expect(() => example?.metadata).toThrow(/^Row 0 of .*boxes\.jsonl: the box of "a"/);
  });

  const good = '{"id": "1", "tableId": "t", "question": "?", "answers": ["a"]}';
  const content = `${good}\n{"id": 2, "tableId": "t", "question": "?", "answers": "a"}\n\nnonsense\n[1]\n${good}`;
  it('stops with file, row and columns', async () => {
    const file = await put('bad.jsonl', content);
    await expect(readDataset(file).toArray()).rejects.toMatchObject({
      code: 'bad-row',
      message: expect.stringMatching(/^Row 1 of .*bad\.jsonl: id: .*answers: /),
    });
  });
  it('skips and counts', async () => {
    const dataset = readDataset(join(folder, 'bad.jsonl'), { onBadRow: 'skip' });
    expect(await dataset.toArray()).toHaveLength(2);
    expect(dataset.statistics).toMatchObject({ files: 1, rows: 5, skipped: 3 });
    expect(
      dataset.statistics.errors.map(({ message }) => Number(/^Row (\d+)/.exec(message)?.[1])),
    ).toEqual([1, 3, 4]);
  });
  it('refuses what it cannot know', async () => {
    const unknown = await put('unknown.jsonl', '{"a": 1}\n');
    await expect(readDataset(unknown).toArray()).rejects.toMatchObject({ code: 'unknown-format' });
    await expect(readDataset(await put('x.csv', '')).toArray()).rejects.toMatchObject({
      code: 'unknown-format',
    });
    await expect(
      readDataset(await put('x.parquet', 'PAR1 nothing PAR1')).toArray(),
    ).rejects.toMatchObject({ code: 'bad-row' });
    await expect(readDataset(join(folder, 'none*.jsonl')).toArray()).rejects.toMatchObject({
      code: 'bad-argument',
    });
    const options = { format: 'nope' as 'tabfact' };
    await expect(readDataset(unknown, options).toArray()).rejects.toMatchObject({
      code: 'unknown-format',
    });
  });
  it('follows no image path without a folder, and none out of it', async () => {
    const file = await put(
      'paths.jsonl',
      JSON.stringify({ imgname: '../../secret.png', query: '?', label: '1' }),
    );
    const [plainRow] = await readDataset(file).toArray();
    await expect(plainRow?.images[0]?.decode()).rejects.toMatchObject({ code: 'unsupported' });
    const [inFolder] = await readDataset(file, { imageFolder: folder }).toArray();
    await expect(inFolder?.images[0]?.decode()).rejects.toMatchObject({
      name: 'VqaToolError',
      code: 'bad-image',
    });
  });
});

describe('globs and limits', () => {
  it('reads matching files in order, up to the limit', async () => {
    const row = (id: string) => `{"id": "${id}", "tableId": "t", "question": "?", "answers": []}\n`;
    await put('part-2.jsonl', row('b') + row('c'));
    await put('part-1.jsonl', row('a'));
    const examples = await readDataset(join(folder, 'part-*.jsonl')).toArray();
    expect(examples.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    expect(examples.map(({ source }) => [basename(source.file), source.row])).toEqual([
      ['part-1.jsonl', 0],
      ['part-2.jsonl', 0],
      ['part-2.jsonl', 1],
    ]);
    expect(await readDataset(join(folder, '**/part-?.jsonl'), { limit: 2 }).toArray()).toHaveLength(
      2,
    );
  });
});

describe('splits', () => {
  it('are the same for the same seed, near their shares, and differ between seeds', () => {
    const shares = { train: 0.7, validation: 0.1, test: 0.2 };
    const keys = Array.from({ length: 5000 }, (_, i) => `table-${i}`);
    const first = keys.map((key) => splitOf(key, { seed: 1, shares }));
    expect(keys.map((key) => splitOf(key, { seed: 1, shares }))).toEqual(first);
    expect(keys.map((key) => splitOf(key, { seed: 2, shares }))).not.toEqual(first);
    // Four standard errors of a share of 0.2 over 5,000 are 0.023.
    expect(Math.abs(first.filter((name) => name === 'test').length / 5000 - 0.2)).toBeLessThan(
      0.023,
    );
    expect(() => splitOf('a', { seed: 1, shares: { train: 0.5 } })).toThrow(/sum to 1/);
  });
});

describe('writeDataset', () => {
  const example = (i: number): WritableExample => ({
    id: `refocus_chart-${i}`,
    tableId: 't',
    question: `Qué año ${i}?`,
    answers: ['2019'],
    split: 'train',
    images: [{ bytes: encodePng(createRaster(4, 3, { color: [i, 2, 3] })), path: 'a.png' }],
    metadata: {
      kind: 'chartqa_v_bar',
      units: 'pixels',
      xValues: [{ label: '2019', box: { x1: 1, y1: 2, x2: 3, y2: 4.5 } }],
    },
  });
  it.each(['vtool-v1', 'vtool-v2', 'chartqa-hub', 'chartqa-lmms', 'tablevqabench'] as const)(
    'Parquet %s comes back the same',
    async (format) => {
      const file = join(folder, `${format}.parquet`);
      expect(
        await writeDataset(
          file,
          Array.from({ length: 25 }, (_, i) => example(i)),
          { format, rowGroupSize: 10 },
        ),
      ).toBe(25);
      expect((await describeParquet(file)).rowGroups).toEqual([10, 10, 5]);
      const examples = await readDataset(file).toArray();
      expect(examples.map(({ question }) => question)).toEqual(
        Array.from({ length: 25 }, (_, i) => `Qué año ${i}?`),
      );
      expect(examples[24]).toMatchObject({ format, answers: ['2019'] });
      const image = await examples[7]?.images[0]?.decode();
      expect(image && pixelAt(image, 0, 0)).toEqual([7, 2, 3]);
      if (format.startsWith('vtool')) expect(examples[3]?.metadata).toEqual(example(3).metadata);
    },
  );
  it.each(['refocus-train', 'chartqa-github', 'wikitablequestions'] as const)(
    'JSONL %s comes back the same',
    async (format) => {
      const file = join(folder, `written-${format}.jsonl`);
      await writeDataset(file, [example(1)], { format });
      const [read] = await readDataset(file).toArray();
      expect(read).toMatchObject({ format, question: 'Qué año 1?', answers: ['2019'] });
      if (format === 'refocus-train')
        expect(read?.metadata?.xValues).toEqual(example(1).metadata?.xValues);
    },
  );
  it('refuses formats that are read only, and other endings', async () => {
    const write = writeDataset(join(folder, 'a.jsonl'), [], { format: 'charxiv-hub' });
    await expect(write).rejects.toMatchObject({ code: 'unsupported' });
    await expect(
      writeDataset(join(folder, 'a.csv'), [], { format: 'tabfact' }),
    ).rejects.toMatchObject({ code: 'unsupported' });
    expect(Object.keys(datasetFormats)).toHaveLength(12);
  });
});

describe('memory', () => {
  it('holds one row group of a Parquet file, not the file', async () => {
    // 24 groups of 2 MB of noise: the whole is 48 MB.
    const file = join(folder, 'large.parquet');
    const noise = new Uint8Array(200_000);
    let state = 1;
    for (let i = 0; i < noise.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      noise[i] = state >>> 24;
    }
    function* rows(): Generator<WritableExample> {
      for (let i = 0; i < 240; i++) {
        const bytes = noise.slice();
        bytes[0] = i;
        yield { id: `x-${i}`, question: '?', answers: ['a'], images: [{ bytes, path: null }] };
      }
    }
    await writeDataset(file, rows(), { format: 'tablevqabench', rowGroupSize: 10 });
    global.gc?.();
    const before = process.memoryUsage().arrayBuffers;
    let peak = 0;
    let count = 0;
    for await (const { images } of readDataset(file)) {
      count += images[0]?.bytes?.length === 200_000 ? 1 : 0;
      peak = Math.max(peak, process.memoryUsage().arrayBuffers - before);
    }
    expect(count).toBe(240);
    // Uncollected groups may wait for the collector; the whole file never fits below this.
    expect(peak).toBeLessThan(40e6);
  });
});
