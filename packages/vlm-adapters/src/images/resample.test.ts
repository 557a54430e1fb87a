import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ResampleFilterName, resampleFilters, resizeImage } from './resample.js';
import type { RgbImage } from './rgb-image.js';

interface Case {
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
  readonly filter: ResampleFilterName;
  /** First 16 digits. */
  readonly sha256: string;
}

// Made by scripts/reference/vlm-adapters/pillow_resample.py with the version of Pillow that the file names.
const fixture: { readonly pillow: string; readonly cases: readonly Case[] } = JSON.parse(
  readFileSync(new URL('../../test/fixtures/pillow-resample.json', import.meta.url), 'utf8'),
);

/** The formula of the script. */
function picture(width: number, height: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  let at = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++)
        data[at++] = (x * 73 + y * 151 + c * 199 + ((x * y) % 251) * 31) % 256;
  return { width, height, data };
}

describe('resizeImage', () => {
  it.each(Object.keys(resampleFilters))('equals Pillow to the byte with %s', (filter) => {
    const cases = fixture.cases.filter((entry) => entry.filter === filter);
    expect(cases.length).toBeGreaterThan(40);
    const different = cases.filter(({ from, to, filter: name, sha256 }) => {
      const resized = resizeImage(picture(...from), { width: to[0], height: to[1] }, name);
      expect(resized.data.length).toBe(to[0] * to[1] * 3);
      return createHash('sha256').update(resized.data).digest('hex').slice(0, 16) !== sha256;
    });
    expect(different).toEqual([]);
  });

  it('keeps a picture of one color as it is', () => {
    const image = { width: 7, height: 5, data: new Uint8Array(105).fill(201) };
    const { data } = resizeImage(image, { width: 31, height: 2 }, 'lanczos');
    expect(new Set(data)).toEqual(new Set([201]));
  });
});
