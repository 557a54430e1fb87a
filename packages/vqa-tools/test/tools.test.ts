import { describe, expect, it } from 'vitest';
import {
  createRaster,
  type ImageMetadata,
  type OcrEngine,
  pixelAt,
  type Raster,
  rastersEqual,
  toBoxList,
  toolDefinition,
  toolDefinitions,
  visualTools,
} from '../src/index.js';

/** Every pixel has its own color. */
function gradient(width: number, height: number): Raster {
  const image = createRaster(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) image.data.set([x, y, 7], (y * width + x) * 3);
  }
  return image;
}
const box = (x1: number, y1: number, x2: number, y2: number) => ({ x1, y1, x2, y2 });
const metadata: ImageMetadata = {
  kind: 'v_bar',
  units: 'pixels',
  width: 40,
  height: 30,
  figure: box(0, 0, 40, 30),
  xValues: [
    { label: 'a', box: box(0, 0, 20, 30) },
    { label: 'b', box: box(20, 0, 40, 30) },
  ],
};
const run = async (name: keyof typeof visualTools, args: object, image = gradient(40, 30)) => {
  const before = image.data.slice();
  const result = await visualTools[name].run(image, args, { metadata });
  expect(image.data).toEqual(before);
  return result;
};

describe('every tool', () => {
  const args: Record<string, object> = {
    crop: { box: [0, 0, 9, 9] },
    zoom: { box: [0, 0, 9, 9] },
    rotate: { degrees: 30 },
    flip: { direction: 'vertical' },
    ocr: {},
    draw_horizontal_line: { y: 3 },
    draw_vertical_line: { x: 0.5 },
    point: { x: 3, y: 4 },
  };
  const ocr: OcrEngine = {
    read: async () => [{ text: 'hi', box: box(1, 2, 3, 4), confidence: 1 }],
  };
  it.each(Object.entries(visualTools))(
    '%s is pure, repeatable and parallel',
    async (name, tool) => {
      expect(tool.name).toBe(name);
      const image = gradient(40, 30);
      const before = image.data.slice();
      const axis = name.replace('focus_on_', '').replace(/_with_.*/, '');
      const input = args[name] ?? { [`${axis}_to_focus_on`]: ['b'] };
      const context = {
        metadata: {
          ...metadata,
          columns: metadata.xValues ?? [],
          rows: metadata.xValues ?? [],
          yValues: metadata.xValues ?? [],
        },
        ocr,
      };
      const results = await Promise.all(
        Array.from({ length: 4 }, () => tool.run(image, input, context)),
      );
      expect(image.data).toEqual(before);
      for (const other of results.slice(1)) expect(other).toEqual(results[0]);
      expect(results[0]?.image?.data).not.toBe(image.data);
      const nothing = { [`${axis}_to_focus_on`]: [1] };
      await expect(
        tool.run(
          image,
          args[name] ? { box: 'no', degrees: 'no', direction: 1, x: 'no', y: 'no' } : nothing,
        ),
      ).rejects.toMatchObject({ code: 'bad-argument' });
    },
  );

  it('has a definition for prompts that is small enough for a small model', () => {
    expect(toolDefinition(visualTools.flip)).toEqual({
      type: 'function',
      function: {
        name: 'flip',
        description: 'Mirror the image left-right ("horizontal") or top-bottom ("vertical").',
        parameters: {
          type: 'object',
          properties: { direction: { type: 'string', enum: ['horizontal', 'vertical'] } },
          required: ['direction'],
        },
      },
    });
    const all = toolDefinitions(visualTools);
    expect(all).toHaveLength(20);
    expect(JSON.stringify(all).length).toBeLessThan(7500);
    expect(JSON.stringify(all)).not.toContain('9007199254740991');
    expect(() => toolDefinitions(visualTools, ['nope'])).toThrow(
      /Known: focus_on_columns_with_mask/,
    );
  });
});

describe('crop and zoom', () => {
  it('take pixels or fractions and move the boxes along', async () => {
    const inPixels = await run('crop', { box: [10, 5, 30, 25] });
    const inFractions = await run('crop', { box: [0.25, 5 / 30, 0.75, 25 / 30] });
    expect(inFractions).toEqual(inPixels);
    expect(inPixels.image).toMatchObject({ width: 20, height: 20 });
    expect(pixelAt(inPixels.image as Raster, 0, 0)).toEqual([10, 5, 7]);
    expect(inPixels.metadata?.xValues).toEqual([
      { label: 'a', box: box(0, 0, 10, 20) },
      { label: 'b', box: box(10, 0, 20, 20) },
    ]);
  });
  it('enlarge, drop what is outside, and refuse an empty box', async () => {
    const { image, metadata: after } = await run('zoom', { box: [0, 0, 10, 10], factor: 3 });
    expect(image).toMatchObject({ width: 30, height: 30 });
    expect(after?.xValues).toEqual([{ label: 'a', box: box(0, 0, 30, 30) }]);
    await expect(run('crop', { box: [50, 50, 60, 60] })).rejects.toMatchObject({ code: 'bad-box' });
    await expect(run('crop', { box: [5, 5, 5, 9] })).rejects.toMatchObject({ code: 'bad-box' });
  });
});

describe('rotate and flip', () => {
  it('a quarter turn clockwise moves pixels only, four of them nothing', async () => {
    const image = gradient(40, 30);
    const { image: once, metadata: after } = await run('rotate', { degrees: 90 });
    expect(once).toMatchObject({ width: 30, height: 40 });
    // (0, 0) goes to the top right corner.
    expect(pixelAt(once as Raster, 29, 0)).toEqual([0, 0, 7]);
    expect(after?.xValues?.[0]?.box).toEqual(box(0, 0, 30, 20));
    let turned = image;
    for (let i = 0; i < 4; i++)
      turned = (await visualTools.rotate.run(turned, { degrees: 90 })).image as Raster;
    expect(rastersEqual(turned, image)).toBe(true);
    expect((await run('rotate', { degrees: 45 })).image).toMatchObject({ width: 50, height: 50 });
  });
  it('two flips are none, and boxes are mirrored', async () => {
    for (const direction of ['horizontal', 'vertical']) {
      const { image, metadata: after } = await run('flip', { direction });
      const { image: back } = await visualTools.flip.run(image as Raster, { direction });
      expect(rastersEqual(back as Raster, gradient(40, 30))).toBe(true);
      expect(after?.xValues?.[0]?.box).toEqual(
        direction === 'horizontal' ? box(20, 0, 40, 30) : box(0, 0, 20, 30),
      );
    }
  });
});

describe('lines and points', () => {
  it('draw across the image at pixels or fractions, also at the edges', async () => {
    for (const y of [15, 0.5]) {
      const { image } = await run('draw_horizontal_line', { y });
      expect([13, 14, 15, 16].map((row) => pixelAt(image as Raster, 39, row)[0] === 255)).toEqual([
        false,
        true,
        true,
        false,
      ]);
    }
    expect(pixelAt((await run('draw_vertical_line', { x: 40 })).image as Raster, 39, 3)).toEqual([
      255, 0, 0,
    ]);
    const { image } = await run('point', { x: 0.5, y: 0.5 });
    expect(pixelAt(image as Raster, 20, 15)).toEqual([255, 0, 0]);
    expect(pixelAt(image as Raster, 20, 20)).toEqual([255, 255, 255]);
  });
});

describe('boxes', () => {
  it('are rescaled with the image', async () => {
    const large = createRaster(80, 60, { color: [1, 2, 3] });
    const { image } = await visualTools.focus_on_x_values_with_mask.run(
      large,
      { x_values_to_focus_on: ['b'] },
      { metadata },
    );
    expect(pixelAt(image as Raster, 30, 30)).toEqual([255, 255, 255]);
    expect(pixelAt(image as Raster, 50, 30)).toEqual([1, 2, 3]);
  });
  it('of charts serve the column and row tools too, as in the prompts of VTool-R1', async () => {
    const args = { columns_to_focus_on: ['b'] };
    const viaColumns = await visualTools.focus_on_columns_with_draw.run(gradient(40, 30), args, {
      metadata,
    });
    const viaX = await visualTools.focus_on_x_values_with_draw.run(
      gradient(40, 30),
      { x_values_to_focus_on: ['b'] },
      { metadata },
    );
    expect(viaColumns).toEqual(viaX);
  });
  it('keep their order in lists and maps, and regain it by place where JavaScript lost it', () => {
    const low = box(0, 0, 9, 5);
    const high = box(0, 5, 9, 9);
    const labels = (list: readonly { label: string }[]) => list.map(({ label }) => label);
    expect(labels(toBoxList({ b: high, a: low }))).toEqual(['b', 'a']);
    expect(labels(toBoxList({ 1972: high, Header: low }, { vertical: true }))).toEqual([
      'Header',
      '1972',
    ]);
    expect(
      labels(
        toBoxList(
          new Map([
            ['1972', high],
            ['Header', low],
          ]),
        ),
      ),
    ).toEqual(['1972', 'Header']);
    expect(() => toBoxList({ a: box(0, 0, Number.NaN, 1) })).toThrow(/x2 is NaN/);
  });
  it('are needed by the focus tools, and must not cross in the older profiles', async () => {
    const image = gradient(40, 30);
    const args = { rows_to_focus_on: ['a'] };
    await expect(visualTools.focus_on_rows_with_draw.run(image, args)).rejects.toMatchObject({
      code: 'bad-metadata',
    });
    const small: ImageMetadata = {
      kind: 'table',
      units: 'pixels',
      rows: [{ label: 'a', box: box(3, 3, 6, 6) }],
    };
    await expect(
      visualTools.focus_on_rows_with_draw.run(image, args, { metadata: small, profile: 'refocus' }),
    ).rejects.toMatchObject({ code: 'bad-box' });
    await expect(
      visualTools.focus_on_rows_with_draw.run({ ...image, width: 0 }, args),
    ).rejects.toMatchObject({ code: 'bad-image' });
  });
});

describe('ocr', () => {
  it('moves boxes of a part back to the image', async () => {
    const engine: OcrEngine = {
      read: async ({ width }) => [{ text: String(width), box: box(1, 1, 4, 5), confidence: 0.9 }],
    };
    const { text } = await visualTools.ocr.run(
      gradient(40, 30),
      { box: [10, 20, 30, 30] },
      { ocr: engine },
    );
    expect(text).toBe('20 [11, 21, 14, 25]');
    const blind: OcrEngine = { read: async () => [] };
    expect((await visualTools.ocr.run(gradient(40, 30), {}, { ocr: blind })).text).toBe(
      '(no text found)',
    );
  });
});
