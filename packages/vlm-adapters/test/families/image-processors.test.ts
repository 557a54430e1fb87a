import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../src/encode/model-config.js';
import type { JsonObject } from '../../src/encode/model-files.js';
import type { ImageProcessor, ModelFamily } from '../../src/families/family.js';
import { gemma3 } from '../../src/families/gemma3.js';
import { smartResize } from '../../src/families/qwen-images.js';
import { qwen25Vl } from '../../src/families/qwen2-5-vl.js';
import { planTiles, smolVlm } from '../../src/families/smolvlm.js';
import type { RgbImage } from '../../src/images/rgb-image.js';

interface Case {
  readonly settings: string;
  readonly size: readonly [number, number];
  readonly shape: readonly number[];
  readonly sha256: string;
  readonly grid?: readonly [number, number, number];
  readonly tiles?: readonly [number, number];
}

// Made by scripts/reference/vlm-adapters/image_processors.py with the versions that the file names.
const fixture: {
  readonly settings: Readonly<Record<string, JsonObject>>;
  readonly cases: readonly Case[];
  readonly smart_resize: readonly (readonly [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ])[];
  readonly tiles: readonly (readonly [number, number, number, number])[];
} = JSON.parse(readFileSync(new URL('../fixtures/image-processors.json', import.meta.url), 'utf8'));

const families: Readonly<Record<string, ModelFamily>> = {
  qwen: qwen25Vl,
  smolvlm: smolVlm,
  gemma: gemma3,
};

const config: ModelConfig = {
  modelType: 'any',
  hiddenSize: 8,
  vocabSize: 8,
  layers: 1,
  attentionHeads: 1,
  keyValueHeads: 1,
  headSize: 8,
  maxPositions: 8,
  imageTokenId: 7,
  eosTokenIds: [],
  padTokenId: null,
  raw: { vision_config: {} },
  generation: {},
};

function processorOf(name: string): ImageProcessor {
  const family = families[name.split('-')[0] ?? ''] ?? qwen25Vl;
  return family.imageProcessor({
    config,
    preprocessor: fixture.settings[name] ?? {},
    processor: { image_seq_len: 9, image_seq_length: 9 },
    tokenizerConfig: {},
    tokenContent: () => '<image>',
  });
}

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

describe.each(Object.keys(fixture.settings))('with the settings "%s"', (name) => {
  const processor = processorOf(name);
  const cases = fixture.cases.filter(({ settings }) => settings === name);

  it.each(cases)(
    '$size becomes the same numbers as in Python',
    ({ size, shape, sha256, grid, tiles }) => {
      const [width, height] = size;
      const plan = processor.plan({ width, height }, 'Image 1');
      const { pixel_values, image_grid_thw } = plan.process(picture(width, height));
      expect(pixel_values?.dims).toEqual(shape);
      const { buffer, byteOffset, byteLength } = pixel_values?.data ?? new Float32Array();
      const bytes = new Uint8Array(buffer, byteOffset, byteLength);
      expect(createHash('sha256').update(bytes).digest('hex').slice(0, 16)).toBe(sha256);
      if (grid !== undefined) expect([...(image_grid_thw?.data ?? [])].map(Number)).toEqual(grid);
      const placeholders = plan.text.filter(({ isPlaceholder }) => isPlaceholder);
      const written = placeholders.map(({ text }) => text).join('').length / '<image>'.length;
      expect(written).toBe(plan.tokens);
      const patches = grid === undefined ? 0 : grid[1] * grid[2];
      if (tiles !== undefined) expect(plan.tokens).toBe((tiles[0] * tiles[1] + 1) * 9);
      else expect(plan.tokens).toBe(grid === undefined ? 9 : patches / 4);
    },
  );
});

it('rounds sides as Python does, also where two multiples are equally near', () => {
  for (const [
    width,
    height,
    factor,
    minPixels,
    maxPixels,
    toWidth,
    toHeight,
  ] of fixture.smart_resize)
    expect(smartResize({ width, height }, { factor, minPixels, maxPixels })).toEqual({
      width: toWidth,
      height: toHeight,
    });
  // 2.5 factors: 2 with ties to even, 3 otherwise.
  const limits = { factor: 28, minPixels: 3136, maxPixels: 1e6 };
  expect(smartResize({ width: 70, height: 280 }, limits)).toEqual({ width: 56, height: 280 });
});

it('cuts pictures of any shape into as many tiles as Python', () => {
  for (const [width, height, rows, columns] of fixture.tiles)
    expect(
      planTiles({ width, height }, { tile: 512, longestEdge: 2048, isSplit: true }),
    ).toMatchObject({ rows, columns });
});

it('refuses pictures whose sides are too different for Qwen', () => {
  const { plan } = processorOf('qwen-14');
  expect(() => plan({ width: 201, height: 1 }, 'Image 1')).toThrow(/200 times/);
  expect(() => plan({ width: 200, height: 1 }, 'Image 1')).not.toThrow();
});
