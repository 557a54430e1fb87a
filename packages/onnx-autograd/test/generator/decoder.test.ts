import { describe, expect, it } from 'vitest';
import {
  type DecoderOptions,
  decoderWeights,
  generateDecoder,
  generateEmbedding,
} from '../../src/generator/index.js';
import {
  findLinearNodes,
  modelToBytes,
  OnnxAutogradError,
  type OnnxModel,
} from '../../src/index.js';
import { floatData } from '../support/float-data.js';
import { compare } from '../support/reference-model.js';
import { decoderFeeds, int64Tensor, runModel, smallShape } from './support/run-decoder.js';

const styles = ['raw', 'group-query-attention'] as const;
const mrope = { mropeSections: [2, 3, 3], qkvBias: true } as const;

describe('generateDecoder', () => {
  const variants: [string, Partial<DecoderOptions>][] = [
    ['plain positions', {}],
    ['mRoPE and biases', mrope],
    ['4-bit weights', { weights: 'q4' }],
    ['blocks of 16 that do not fill a row', { weights: 'q4', blockSize: 16, feedForward: 88 }],
    ['heads that are narrower than the stream', { headDim: 32, heads: 6, keyValueHeads: 3 }],
    ['one key head for each head', { keyValueHeads: 4 }],
    ['another base and epsilon', { ropeTheta: 1e6, rmsNormEpsilon: 1e-3 }],
  ];

  it.each(variants)('writes the same function in both styles: %s', async (_name, options) => {
    const [raw, fused] = await Promise.all(
      styles.map(async (style) => {
        const model = generateDecoder({ ...smallShape, ...options, style });
        // Row 1 is padded on the right, as GroupQueryAttention demands it.
        const mask = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0];
        return runModel(model, decoderFeeds(model, { batch: 2, mask }));
      }),
    );
    expect(raw?.logits?.dims).toEqual([2, 7, 50]);
    const real = 50 * 11;
    const { worst, largest } = compare(
      floatData(fused?.logits).slice(0, real),
      floatData(raw?.logits).slice(0, real),
    );
    expect(largest).toBeGreaterThan(0.5);
    expect(worst).toBeLessThan(1e-4);
    const keys = [fused, raw].map((results) => floatData(results?.['present.1.key']));
    const headDim = raw?.['present.1.key']?.dims[3] ?? 0;
    const realKeys = 7 * headDim;
    expect(
      compare(keys[0]?.slice(0, realKeys) ?? keys[1]!, keys[1]!.slice(0, realKeys)).worst,
    ).toBeLessThan(1e-4);
  });

  it.each(
    styles.flatMap((style) => [
      [style, 'plain positions', {}] as const,
      [style, 'mRoPE', mrope] as const,
    ]),
  )('decodes with a past as without, style %s, %s', async (style, _name, options) => {
    const model = generateDecoder({ ...smallShape, ...options, style });
    const whole = await runModel(model, decoderFeeds(model, { length: 6 }));
    const presents = await runModel(model, decoderFeeds(model, { length: 5 }));
    const last = await runModel(model, decoderFeeds(model, { length: 1, start: 5, presents }));
    expect(last['present.0.key']?.dims).toEqual([1, 2, 6, 16]);
    expect(
      compare(floatData(last.logits), floatData(whole.logits).slice(5 * 50)).worst,
    ).toBeLessThan(1e-4);
  });

  it.each(styles)('rounds weights to 4 bits as its float weights say, style %s', async (style) => {
    const options = { ...smallShape, style, qkvBias: true, feedForward: 88 };
    const fourBit = generateDecoder({ ...options, weights: 'q4' });
    const { source } = decoderWeights({ ...options, weights: 'q4' });
    const float = generateDecoder({ ...options, source });
    const rounded = await runModel(fourBit, decoderFeeds(fourBit));
    const expected = await runModel(float, decoderFeeds(float));
    const exact = await runModel(generateDecoder(options), decoderFeeds(float));
    const difference = compare(floatData(rounded.logits), floatData(expected.logits));
    expect(difference.worst).toBeLessThan(1e-4);
    // Rounding does change the model.
    expect(compare(floatData(exact.logits), floatData(expected.logits)).worst).toBeGreaterThan(
      1e-2,
    );
  });

  it('keeps logits near a deviation of 1, whatever the shape', async () => {
    for (const options of [smallShape, { ...smallShape, layers: 12, feedForward: 256 }]) {
      const model = generateDecoder(options);
      const logits = floatData((await runModel(model, decoderFeeds(model))).logits);
      const power = logits.reduce((sum, value) => sum + value * value, 0) / logits.length;
      expect(Math.sqrt(power)).toBeGreaterThan(0.5);
      expect(Math.sqrt(power)).toBeLessThan(2);
    }
  });

  it('uses the embedding for the last layer when tied', async () => {
    const tied = generateDecoder({ ...smallShape, tied: true });
    const apart = generateDecoder(smallShape);
    const table = decoderWeights({ ...smallShape, tied: true });
    expect(table.shapes.get('model.embed_tokens.weight')).toEqual([50, 64]);
    expect(table.shapes.has('lm_head.weight')).toBe(false);
    const [a, b] = [
      await runModel(tied, decoderFeeds(tied)),
      await runModel(apart, decoderFeeds(apart)),
    ];
    expect(compare(floatData(a.logits), floatData(b.logits)).worst).toBeGreaterThan(0.1);
    const swapped = generateDecoder({
      ...smallShape,
      source: (name, ...rest) =>
        table.source(name === 'lm_head.weight' ? 'model.embed_tokens.weight' : name, ...rest),
    });
    expect([...floatData((await runModel(swapped, decoderFeeds(swapped))).logits)]).toEqual([
      ...floatData(a.logits),
    ]);
  });

  it('has the interface of transformers.js', () => {
    const interfaceOf = ({ graph }: OnnxModel): string[] =>
      [...graph.inputs, ...graph.outputs].map(
        ({ name, type, shape }) => `${name} ${type} [${shape?.join(', ')}]`,
      );
    const caches = (name: string, length: string): string[] =>
      [0, 1].flatMap((layer) =>
        ['key', 'value'].map(
          (kind) => `${name}.${layer}.${kind} float32 [batch_size, 2, ${length}, 16]`,
        ),
      );
    const around = (positions: string[]): string[] => [
      'inputs_embeds float32 [batch_size, sequence_length, 64]',
      'attention_mask int64 [batch_size, total_sequence_length]',
      ...positions,
      ...caches('past_key_values', 'past_sequence_length'),
      'logits float32 [batch_size, sequence_length, 50]',
      ...caches('present', 'total_sequence_length'),
    ];
    const plain = ['position_ids int64 [batch_size, sequence_length]'];
    const planes = ['position_ids int64 [3, batch_size, sequence_length]'];
    const [raw, fused] = styles;
    expect(interfaceOf(generateDecoder({ ...smallShape, style: raw }))).toEqual(around(plain));
    expect(interfaceOf(generateDecoder({ ...smallShape, style: fused }))).toEqual(around([]));
    for (const style of styles) {
      const model = generateDecoder({ ...smallShape, ...mrope, style });
      expect(interfaceOf(model)).toEqual(around(planes));
    }
  });

  it('uses operators of ai.onnx alone in the raw style, and fused ones in the other', () => {
    const operatorsOf = (options: Partial<DecoderOptions>): string[] => {
      const { nodes } = generateDecoder({ ...smallShape, ...options }).graph;
      const fused = nodes.filter(
        ({ domain, operator }) => domain !== '' || operator === 'SimplifiedLayerNormalization',
      );
      return [...new Set(fused.map(({ operator }) => operator))].sort();
    };
    expect(operatorsOf({ style: 'raw' })).toEqual([]);
    expect(operatorsOf({ style: 'raw', weights: 'q4' })).toEqual(['MatMulNBits']);
    const fused = [
      'GroupQueryAttention',
      'SimplifiedLayerNormalization',
      'SkipSimplifiedLayerNormalization',
    ];
    expect(operatorsOf({ style: 'group-query-attention' })).toEqual(fused);
    expect(operatorsOf({ ...mrope, style: 'group-query-attention', weights: 'q4' })).toEqual(
      [...fused, 'MRotaryEmbedding', 'MatMulNBits'].sort(),
    );
  });

  it.each(styles)('names weights and nodes as their models do, style %s', (style) => {
    const linear = findLinearNodes(generateDecoder({ ...smallShape, style }));
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
    const attention = style === 'raw' ? 'self_attn' : 'attn';
    expect(linear.map(({ name }) => name)).toContain(`/model/layers.1/${attention}/q_proj/MatMul`);
    expect(linear.at(-1)?.output).toBe('logits');
  });

  it('gives the same bytes for the same seed, and others for another', () => {
    const bytes = (options: Partial<DecoderOptions>): Buffer =>
      Buffer.from(modelToBytes(generateDecoder({ ...smallShape, ...options })));
    for (const weights of ['float32', 'q4'] as const) {
      expect(bytes({ seed: 3, weights }).equals(bytes({ seed: 3, weights }))).toBe(true);
      expect(bytes({ seed: 3, weights }).equals(bytes({ seed: 4, weights }))).toBe(false);
    }
  });

  it.each([
    [{ keyValueHeads: 3 }, '`heads` (4) must be a multiple of `keyValueHeads` (3)'],
    [{ layers: 0 }, '`layers` must be a whole number above 0, got 0'],
    [{ hidden: 66 }, '`headDim` must be a whole number above 0, got 16.5'],
    [{ headDim: 7 }, '`headDim` must be even, got 7'],
    [{ mropeSections: [1, 1, 1] }, 'must add up to half of `headDim`, 8, got 3'],
    [{ blockSize: 24 }, '`blockSize` must be a power of two from 16 on, got 24'],
    [{ headDim: 8, style: 'group-query-attention' }, 'a multiple of 16, got 8'],
  ] as [Partial<DecoderOptions>, string][])('refuses %o', (options, message) => {
    expect(() => generateDecoder({ ...smallShape, ...options })).toThrow(message);
    expect(() => generateDecoder({ ...smallShape, ...options })).toThrow(OnnxAutogradError);
  });
});

describe('generateEmbedding', () => {
  it('looks token ids up in the table that its weights say', async () => {
    const { inputs_embeds: rows } = await runModel(generateEmbedding(smallShape), {
      input_ids: int64Tensor([1, 3], [4, 9, 4]),
    });
    expect(rows?.dims).toEqual([1, 3, 64]);
    const { source } = decoderWeights(smallShape);
    const row = new Float32Array(64);
    source('model.embed_tokens.weight', [50, 64], 4 * 64, row);
    expect([...floatData(rows).slice(0, 64)]).toEqual([...row]);
    expect([...floatData(rows).slice(128)]).toEqual([...row]);
  });
});
