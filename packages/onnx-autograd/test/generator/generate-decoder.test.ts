import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generateDecoder, generateEmbedding, writeDecoder } from '../../src/generator/index.js';
import {
  createSession,
  differentiate,
  findLinearNodes,
  modelToBytes,
  OnnxAutogradError,
  type OnnxModel,
  readModel,
  type TensorLike,
} from '../../src/index.js';
import { floatData } from '../support/float-data.js';
import { compare } from '../support/reference-model.js';

const shape = {
  layers: 2,
  hidden: 64,
  heads: 4,
  keyValueHeads: 2,
  feedForward: 96,
  vocabulary: 50,
} as const;

const int64 = (dims: number[], values: readonly number[]): TensorLike => ({
  type: 'int64',
  dims,
  data: BigInt64Array.from(values.map(BigInt)),
});

/** Feeds for rows of `length` tokens after `past`, which holds keys and values by input name. */
function feedsOf(
  model: OnnxModel,
  length: number,
  start: number,
  past: Record<string, TensorLike> = {},
): Record<string, TensorLike> {
  const embeddings = Float32Array.from({ length: length * 64 }, (_, index) =>
    Math.sin(index + 1 + start * 64),
  );
  const positions = Array.from({ length }, (_, index) => index + start);
  const feeds: Record<string, TensorLike> = {};
  for (const { name, shape: declared = [] } of model.graph.inputs) {
    if (name === 'inputs_embeds')
      feeds[name] = { type: 'float32', dims: [1, length, 64], data: embeddings };
    else if (name === 'attention_mask')
      feeds[name] = int64([1, start + length], new Array<number>(start + length).fill(1));
    else if (name === 'position_ids' && declared.length === 3) {
      // Three different planes, so that the sections matter.
      const planes = [positions, positions.map((p) => p + 1), positions.map((p) => 2 * p)];
      feeds[name] = int64([3, 1, length], planes.flat());
    } else if (name === 'position_ids') feeds[name] = int64([1, length], positions);
    else if (name.startsWith('past_key_values.')) {
      feeds[name] = past[name] ?? {
        type: 'float32',
        dims: [1, 2, 0, 16],
        data: new Float32Array(0),
      };
    }
  }
  return feeds;
}

async function run(
  model: OnnxModel,
  feeds: Record<string, TensorLike>,
): Promise<Record<string, TensorLike>> {
  const session = await createSession(model);
  try {
    return await session.run(feeds);
  } finally {
    await session.dispose();
  }
}

const sections = [2, 3, 3] as const;

describe('generateDecoder', () => {
  it.each([
    ['plain positions', {}],
    ['mRoPE and biases', { mropeSections: sections, biases: true }],
    ['4-bit weights', { weights: 'q4' as const }],
  ])('both styles compute the same: %s', async (_name, extra) => {
    const raw = generateDecoder({ ...shape, ...extra, style: 'raw' });
    const fused = generateDecoder({ ...shape, ...extra, style: 'groupQueryAttention' });
    const a = await run(raw, feedsOf(raw, 7, 0));
    const b = await run(fused, feedsOf(fused, 7, 0));
    expect(a.logits?.dims).toEqual([1, 7, 50]);
    const { worst, largest } = compare(floatData(b.logits), floatData(a.logits));
    expect(largest).toBeGreaterThan(0.1);
    expect(worst).toBeLessThan(1e-4);
    expect(
      compare(floatData(b['present.1.key']), floatData(a['present.1.key'])).worst,
    ).toBeLessThan(1e-4);
  });

  it.each(['raw', 'groupQueryAttention'] as const)(
    'decodes with a past as without: %s',
    async (style) => {
      const model = generateDecoder({ ...shape, style });
      const whole = await run(model, feedsOf(model, 6, 0));
      const first = await run(model, feedsOf(model, 5, 0));
      const past: Record<string, TensorLike> = {};
      for (const layer of [0, 1]) {
        for (const kind of ['key', 'value']) {
          past[`past_key_values.${layer}.${kind}`] = first[
            `present.${layer}.${kind}`
          ] as TensorLike;
        }
      }
      const last = await run(model, feedsOf(model, 1, 5, past));
      expect(
        compare(floatData(last.logits), floatData(whole.logits).slice(5 * 50)).worst,
      ).toBeLessThan(1e-5);
    },
  );

  it('is differentiable in both styles, with the same gradient', async () => {
    const gradients = [];
    for (const style of ['raw', 'groupQueryAttention'] as const) {
      const model = generateDecoder({ ...shape, style });
      const derived = differentiate(model, { outputs: ['logits'], wrt: ['inputs_embeds'] });
      const cotangent = Float32Array.from({ length: 7 * 50 }, (_, index) => Math.cos(index));
      const feeds = {
        ...feedsOf(model, 7, 0),
        'cotangent.logits': { type: 'float32', dims: [1, 7, 50], data: cotangent },
      };
      gradients.push(floatData((await run(derived, feeds))['gradient.inputs_embeds']));
    }
    const [raw, fused] = gradients as [Float32Array, Float32Array];
    const { worst, largest } = compare(fused, raw);
    expect(largest).toBeGreaterThan(0.1);
    expect(worst).toBeLessThan(1e-4 * largest);
  });

  it.each([2, 4, 5])(
    'has the same gradient when attention is computed in %i causal blocks',
    async (causalBlocks) => {
      const model = generateDecoder({ ...shape, style: 'groupQueryAttention' });
      const gradientWith = async (blocks: number): Promise<Float32Array> => {
        const options = { outputs: ['logits'], wrt: ['inputs_embeds'], causalBlocks: blocks };
        const cotangent = Float32Array.from({ length: 11 * 50 }, (_, index) => Math.cos(index));
        const feeds = {
          ...feedsOf(model, 11, 0),
          'cotangent.logits': { type: 'float32', dims: [1, 11, 50], data: cotangent },
        };
        return floatData(
          (await run(differentiate(model, options), feeds))['gradient.inputs_embeds'],
        );
      };
      const { worst, largest } = compare(await gradientWith(causalBlocks), await gradientWith(1));
      expect(worst).toBeLessThan(1e-5 * largest);
    },
  );

  it('gives the same bytes for the same seed, and others for another', () => {
    const bytes = (seed: number): Buffer =>
      Buffer.from(modelToBytes(generateDecoder({ ...shape, seed })));
    expect(bytes(3).equals(bytes(3))).toBe(true);
    expect(bytes(3).equals(bytes(4))).toBe(false);
  });

  it('names layers as Hugging Face does, so that LoRA finds them', () => {
    const linear = findLinearNodes(generateDecoder(shape));
    expect(linear.map(({ weight }) => weight)).toEqual([
      ...[0, 1].flatMap((layer) =>
        [
          'self_attn.q_proj',
          'self_attn.k_proj',
          'self_attn.v_proj',
          'self_attn.o_proj',
          'mlp.gate_proj',
          'mlp.up_proj',
          'mlp.down_proj',
        ].map((part) => `model.layers.${layer}.${part}.weight`),
      ),
      'lm_head.weight',
    ]);
  });

  it('writes weights beside the model and computes the same from there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'decoder-'));
    try {
      const path = join(folder, 'decoder_model_merged.onnx');
      const options = { ...shape, hidden: 64, vocabulary: 2000 };
      writeDecoder(options, path);
      expect(statSync(`${path}_data`).size).toBeGreaterThan(64 * 2000 * 4);
      const read = readModel(path);
      const inMemory = generateDecoder(options);
      const a = await run(read, feedsOf(read, 4, 0));
      const b = await run(inMemory, feedsOf(inMemory, 4, 0));
      expect([...floatData(a.logits)]).toEqual([...floatData(b.logits)]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('makes the table of embeddings', async () => {
    const { inputs_embeds: rows } = await run(generateEmbedding(shape), {
      input_ids: int64([1, 3], [4, 9, 4]),
    });
    expect(rows?.dims).toEqual([1, 3, 64]);
    const values = floatData(rows);
    expect([...values.slice(0, 64)]).toEqual([...values.slice(128)]);
  });

  it('refuses sizes that do not fit together', () => {
    expect(() => generateDecoder({ ...shape, keyValueHeads: 3 })).toThrow(OnnxAutogradError);
    expect(() => generateDecoder({ ...shape, layers: 0 })).toThrow(
      /`layers` must be a whole number above 0, got 0/,
    );
    expect(() => generateDecoder({ ...shape, mropeSections: [1, 1, 1] })).toThrow(
      /half the head size, 8, got 3/,
    );
  });
});
