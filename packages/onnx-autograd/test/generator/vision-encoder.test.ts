import { describe, expect, it } from 'vitest';
import { generateVisionEncoder, weightsInMemory } from '../../src/generator/index.js';
import { createSession, differentiate, OnnxAutogradError } from '../../src/index.js';
import { floatData } from '../support/float-data.js';
import {
  arrayOf,
  compare,
  familyFolder,
  readArrays,
  readReferences,
} from '../support/reference-model.js';
import { readSafetensors } from '../support/safetensors.js';

const family = 'qwen2_5_vl';
const weights = new Map(
  [...readSafetensors(`${familyFolder(family)}model.safetensors`)].map(([name, { data }]) => [
    name,
    data,
  ]),
);
// The fixture's vision_config.
const options = {
  depth: 2,
  hidden: 32,
  heads: 2,
  feedForward: 56,
  outHidden: 64,
  patchSize: 14,
  windowSize: 56,
  fullAttentionBlocks: [1],
  source: weightsInMemory(weights),
} as const;

const gridsOf = (grids: readonly (readonly number[])[]) => ({
  type: 'int64',
  dims: [grids.length, 3],
  data: BigInt64Array.from(grids.flat(), BigInt),
});

describe('generateVisionEncoder', () => {
  const cases: { name: string; grid: number[][]; pixels: Float32Array; features: Float32Array }[] =
    readReferences(family).vision_grids.map(({ grid }: { grid: number[][] }, index: number) => {
      const arrays = readArrays(family);
      const first = arrayOf(arrays, `vision_grids/${index}/pixel_row`);
      const count = grid.reduce((sum, [t = 0, h = 0, w = 0]) => sum + t * h * w, 0);
      // Row r is the first row rolled by r, times 1 − r/100.
      const pixels = Float32Array.from({ length: count * first.length }, (_, at) => {
        const row = Math.floor(at / first.length);
        const from = (((at % first.length) - row) % first.length) + first.length;
        return (first[from % first.length] ?? 0) * (1 - row / 100);
      });
      const features = arrayOf(arrays, `vision_grids/${index}/image_features`);
      return { name: JSON.stringify(grid), grid, pixels, features };
    });

  it.each(cases)(
    'computes what PyTorch does, for the grid $name',
    async ({ grid, pixels, features }) => {
      const session = await createSession(generateVisionEncoder(options));
      try {
        const feeds = {
          pixel_values: { type: 'float32', dims: [pixels.length / 1176, 1176], data: pixels },
          image_grid_thw: gridsOf(grid),
        };
        const { worst, largest } = compare(
          floatData((await session.run(feeds))['image_features']),
          features,
        );
        expect(largest).toBeGreaterThan(0.1);
        // The fixture's own tolerance for image features.
        expect(worst).toBeLessThan(5e-5);
      } finally {
        await session.dispose();
      }
    },
  );

  it('can be differentiated to its pixels', async () => {
    const derived = differentiate(generateVisionEncoder(options), {
      outputs: ['image_features'],
      wrt: ['pixel_values'],
    });
    const session = await createSession(derived);
    try {
      const grid = [[1, 4, 6]];
      const pixels = Float32Array.from({ length: 24 * 1176 }, (_, at) => Math.sin(at * 0.7));
      const run = async (values: Float32Array) => {
        const results = await session.run({
          pixel_values: { type: 'float32', dims: [24, 1176], data: values },
          image_grid_thw: gridsOf(grid),
          'cotangent.image_features': {
            type: 'float32',
            dims: [6, 64],
            data: new Float32Array(6 * 64).fill(1),
          },
        });
        const sum = floatData(results['image_features']).reduce((total, value) => total + value, 0);
        return { sum, gradient: floatData(results['gradient.pixel_values']) };
      };
      const { gradient } = await run(pixels);
      // Along the gradient itself the directional derivative is its squared norm.
      const squaredNorm = gradient.reduce((total, value) => total + value * value, 0);
      const step = 1e-2 / Math.sqrt(squaredNorm);
      const moved = (sign: number) =>
        pixels.map((value, at) => value + sign * step * (gradient[at] ?? 0));
      const difference = ((await run(moved(1))).sum - (await run(moved(-1))).sum) / (2 * step);
      expect(squaredNorm).toBeGreaterThan(0.1);
      // float32 sums of 384 features around 1, and a curved function.
      expect(Math.abs(difference / squaredNorm - 1)).toBeLessThan(1e-2);
    } finally {
      await session.dispose();
    }
  });

  it.each([
    ['heads that do not divide the width by 4', { heads: 3 }],
    ['windows that cut a token', { windowSize: 30 }],
    ['no blocks', { depth: 0 }],
  ])('refuses %s', (_name, wrong) => {
    expect(() => generateVisionEncoder({ ...options, ...wrong })).toThrow(OnnxAutogradError);
  });
});
