import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  generateDecoder,
  generateEmbedding,
  quantizeToFourBits,
  roundedToFourBits,
  seededWeights,
  type WeightSource,
  weightsInMemory,
  writeDecoderWeights,
} from '../../src/generator/index.js';
import { OnnxAutogradError, readModel } from '../../src/index.js';
import { floatData } from '../support/float-data.js';
import { decoderFeeds, runModel, smallShape } from './support/run-decoder.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'generator-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function readAll(source: WeightSource, name: string, dims: readonly number[]): Float32Array {
  const values = new Float32Array(dims.reduce((product, size) => product * size, 1));
  source(name, dims, 0, values);
  return values;
}

describe('seededWeights', () => {
  it('gives the same numbers in pieces as at once', () => {
    const whole = readAll(seededWeights(5), 'a.weight', [30, 40]);
    const piece = new Float32Array(100);
    seededWeights(5)('a.weight', [30, 40], 617, piece);
    expect([...piece]).toEqual([...whole.slice(617, 717)]);
  });

  it('differs between names and between seeds', () => {
    const first = readAll(seededWeights(5), 'layers.0.weight', [200, 8]);
    for (const other of [
      readAll(seededWeights(5), 'layers.1.weight', [200, 8]),
      readAll(seededWeights(6), 'layers.0.weight', [200, 8]),
    ]) {
      const same = first.filter((value, index) => value === other[index]);
      expect(same.length).toBe(0);
    }
  });

  it('has mean 0 and deviation 1/√in for a matrix', () => {
    const values = readAll(seededWeights(1), 'a.weight', [500, 400]);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const power = values.reduce((sum, value) => sum + value * value, 0) / values.length;
    // Standard error of the mean of 200,000 numbers: 0.05/√200000 ≈ 1.1e-4.
    expect(Math.abs(mean)).toBeLessThan(5e-4);
    expect(Math.abs(Math.sqrt(power * 400) - 1)).toBeLessThan(0.01);
  });
});

describe('quantizeToFourBits', () => {
  const dims = [3, 40] as const;
  const source = seededWeights(2);

  it('keeps the largest number of a block exactly, and others to half a step or one at the far end', () => {
    const values = readAll(source, 'a.weight', dims);
    const { packed, scales } = quantizeToFourBits(source, 'a.weight', dims, 32);
    expect([packed.length, scales.length]).toEqual([3 * 2 * 16, 6]);
    for (const [index, scale] of scales.entries()) {
      const [row, block] = [Math.floor(index / 2), index % 2];
      const numbers = values.slice(row * 40 + block * 32, row * 40 + Math.min(40, block * 32 + 32));
      const restored = [...numbers].map((_, i) => {
        const byte = packed[index * 16 + (i >> 1)] ?? 0;
        return ((i % 2 === 0 ? byte & 15 : byte >> 4) - 8) * scale;
      });
      const peak = numbers.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
      expect(restored[numbers.indexOf(peak)]).toBeCloseTo(peak, 7);
      for (const [i, number] of numbers.entries()) {
        // The level +8 does not exist: numbers there are cut to +7.
        const isCut = number / scale > 7.5;
        expect(Math.abs((restored[i] ?? Number.NaN) - number)).toBeLessThanOrEqual(
          Math.abs(scale) * (isCut ? 1 : 0.5) + 1e-7,
        );
      }
    }
  });

  it('agrees with the weights rounded in place, in any piece', () => {
    const { packed, scales } = quantizeToFourBits(source, 'a.weight', dims, 32);
    const rounded = roundedToFourBits(source, 32, (name) => name === 'a.weight');
    const whole = readAll(rounded, 'a.weight', dims);
    const expected = Array.from(whole, (_, index) => {
      const [row, column] = [Math.floor(index / 40), index % 40];
      const byte = packed[row * 32 + (column >> 1)] ?? 0;
      const level = column % 2 === 0 ? byte & 15 : byte >> 4;
      return Math.fround((level - 8) * (scales[row * 2 + Math.floor(column / 32)] ?? 0));
    });
    expect([...whole]).toEqual(expected);
    const piece = new Float32Array(50);
    rounded('a.weight', dims, 35, piece);
    expect([...piece]).toEqual(expected.slice(35, 85));
    expect([...readAll(rounded, 'b.weight', dims)]).toEqual([...readAll(source, 'b.weight', dims)]);
  });

  it('keeps a block of zeros', () => {
    const zeros: WeightSource = (_name, _dims, _start, into) => into.fill(0);
    const { packed, scales } = quantizeToFourBits(zeros, 'a.weight', [1, 32], 32);
    expect([...packed]).toEqual(new Array(16).fill(0x88));
    expect([...scales]).toEqual([0]);
  });
});

describe('directory', () => {
  it('writes the model with its weights beside it, the same bytes each time', async () => {
    const options = { ...smallShape, vocabulary: 4000, weights: 'q4' } as const;
    const hashes = ['one', 'two'].map((name) => {
      const directory = join(folder, name);
      generateDecoder({ ...options, directory });
      generateEmbedding({ ...options, directory });
      expect(readdirSync(directory).sort()).toEqual([
        'decoder_model_merged.onnx',
        'decoder_model_merged.onnx_data',
        'embed_tokens.onnx',
        'embed_tokens.onnx_data',
      ]);
      return readdirSync(directory)
        .sort()
        .map((file) =>
          createHash('sha256')
            .update(readFileSync(join(directory, file)))
            .digest('hex'),
        );
    });
    expect(hashes[0]).toEqual(hashes[1]);
    expect(statSync(join(folder, 'one/decoder_model_merged.onnx')).size).toBeLessThan(400_000);
    const read = readModel(join(folder, 'one/decoder_model_merged.onnx'));
    const inMemory = generateDecoder(options);
    expect([...floatData((await runModel(read, decoderFeeds(read))).logits)]).toEqual([
      ...floatData((await runModel(inMemory, decoderFeeds(inMemory))).logits),
    ]);
  });

  it('leaves nothing behind when weights fail', () => {
    const directory = join(folder, 'failed');
    const source = weightsInMemory(new Map());
    expect(() => generateDecoder({ ...smallShape, source, directory })).toThrow(
      /Weight "model\.layers\.0\.input_layernorm\.weight" must have 64 elements .* got none/,
    );
    expect(() => generateDecoder({ ...smallShape, source })).toThrow(OnnxAutogradError);
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('writeDecoderWeights', () => {
  it.each(['float32', 'q4'] as const)('writes what a model is made of: %s', async (weights) => {
    const options = { ...smallShape, qkvBias: true, weights };
    const path = join(folder, `${weights}.safetensors`);
    writeDecoderWeights(options, path);
    const bytes = readFileSync(path);
    const headerLength = Number(bytes.readBigUInt64LE(0));
    expect(headerLength % 8).toBe(0);
    const header: Record<
      string,
      { dtype: string; shape: number[]; data_offsets: [number, number] }
    > = JSON.parse(bytes.subarray(8, 8 + headerLength).toString());
    expect(header['model.layers.1.self_attn.k_proj.weight']?.shape).toEqual([32, 64]);
    expect(header['model.layers.1.self_attn.k_proj.bias']?.shape).toEqual([32]);
    expect(header['lm_head.weight']).toMatchObject({ dtype: 'F32', shape: [50, 64] });
    const read = new Map(
      Object.entries(header).map(
        ([
          name,
          {
            data_offsets: [start, end],
          },
        ]) => {
          const raw = bytes.subarray(8 + headerLength + start, 8 + headerLength + end);
          return [name, new Float32Array(Uint8Array.from(raw).buffer)] as const;
        },
      ),
    );
    const copy = generateDecoder({
      ...options,
      weights: 'float32',
      source: weightsInMemory(read),
    });
    const original = generateDecoder(options);
    const [a, b] = [
      floatData((await runModel(copy, decoderFeeds(copy))).logits),
      floatData((await runModel(original, decoderFeeds(original))).logits),
    ];
    const worst = a.reduce(
      (most, value, index) => Math.max(most, Math.abs(value - (b[index] ?? Number.NaN))),
      0,
    );
    expect(worst).toBeLessThan(weights === 'q4' ? 1e-4 : 1e-7);
  });
});
