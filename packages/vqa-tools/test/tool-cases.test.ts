import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { toBoxList } from '../src/boxes/box.js';
import type { ImageMetadata } from '../src/boxes/metadata.js';
import { copyRaster, createRaster, type Raster, rastersEqual } from '../src/image/raster.js';
import { visualTools } from '../src/tools/index.js';
import type { FocusProfileName } from '../src/tools/profiles.js';
import { referenceFile } from './reference-files.js';

interface Case {
  impl: 'refocus' | 'vtool_v1' | 'vtool_v2';
  tool: keyof typeof visualTools;
  keys: string[];
  mode_out?: 'RGB' | 'RGBA';
  pixels?: string[];
  error?: string;
}

// Parsed with JSON.parse, which puts "1969" and "1972" before "Header": toBoxList restores the order.
const { meta, cases } = JSON.parse(readFileSync(referenceFile('tool-cases.json'), 'utf8'));
const { width, height } = meta.image;
const profiles: Record<Case['impl'], FocusProfileName> = {
  refocus: 'refocus',
  vtool_v1: 'vtool-v1',
  vtool_v2: 'vtool-v2',
};

/** The image of the cases: rgb = (5x, 8y, 255 − 3x − 2y). */
function referenceImage(): Raster {
  const image = createRaster(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      image.data.set([5 * x, 8 * y, 255 - 3 * x - 2 * y], (y * width + x) * 3);
    }
  }
  return image;
}

function metadataFor(impl: Case['impl']): ImageMetadata {
  const fractions = impl === 'refocus';
  const columns = toBoxList(meta.columns_bbox);
  const rows = toBoxList(meta.rows_bbox, { vertical: true });
  const scaled = (list: typeof columns) =>
    fractions
      ? list.map(({ label, box }) => ({
          label,
          box: {
            x1: box.x1 / width,
            y1: box.y1 / height,
            x2: box.x2 / width,
            y2: box.y2 / height,
          },
        }))
      : list;
  return {
    kind: 'table',
    units: fractions ? 'fractions' : 'pixels',
    columns: scaled(columns),
    rows: scaled(rows),
    xValues: scaled(columns),
    yValues: scaled(rows),
  };
}

/** One character a pixel, as in the file: `.` unchanged, W white, R red, H tinted. */
function glyphs(before: Raster, after: Raster): string[] {
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => {
      const a = [...before.data.slice((y * width + x) * 3, (y * width + x) * 3 + 3)];
      const at = (y * width + x) * after.channels;
      const b = [...after.data.slice(at, at + 3)];
      const same = (color: number[]): boolean => color.every((value, c) => value === b[c]);
      if (same(a)) return '.';
      if (same([255, 255, 255])) return 'W';
      if (same([255, 0, 0])) return 'R';
      const tint = [255, 0, 0].map((red, c) => Math.round(((a[c] ?? 0) * 205 + red * 50) / 255));
      return same(tint) ? 'H' : '?';
    }).join(''),
  );
}

describe('focus tools against the originals', () => {
  it.each(cases as Case[])('$impl $tool $keys', async ({ impl, tool, keys, ...expected }) => {
    const image = referenceImage();
    const before = copyRaster(image);
    const axis = tool.replace('focus_on_', '').replace(/_with_.*/, '');
    const run = visualTools[tool].run(
      image,
      { [`${axis}_to_focus_on`]: keys },
      { metadata: metadataFor(impl), profile: profiles[impl] },
    );
    if (expected.error !== undefined) {
      await expect(run).rejects.toMatchObject({ name: 'VqaToolError', code: 'unknown-label' });
      return;
    }
    const result = (await run).image as Raster;
    expect(glyphs(image, result)).toEqual(expected.pixels);
    expect(result.channels).toBe(expected.mode_out === 'RGBA' ? 4 : 3);
    expect(rastersEqual(image, before)).toBe(true);
  });

  it('blends a highlight as round((c·205 + r·50)/255), as the samples say', async () => {
    for (const [from, to] of meta.blend_samples as [number[], number[]][]) {
      const image = createRaster(8, 8, { color: from as [number, number, number] });
      const { image: result } = await visualTools.focus_on_columns_with_highlight.run(
        image,
        { columns_to_focus_on: ['A'] },
        {
          metadata: {
            kind: 'table',
            units: 'pixels',
            columns: [{ label: 'A', box: { x1: 0, y1: 0, x2: 8, y2: 8 } }],
          },
        },
      );
      expect([...(result as Raster).data.slice(0, 4)]).toEqual([...to, 255]);
    }
  });
});
