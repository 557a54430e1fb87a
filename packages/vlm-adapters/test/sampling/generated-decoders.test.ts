import { createSession, type OnnxModel } from '@iapo/onnx-autograd';
import { generateDecoder } from '@iapo/onnx-autograd/generator';
import { expect, it } from 'vitest';
import { decode } from '../../src/sampling/decode.js';
import type { DecodedRow } from '../../src/sampling/decode-options.js';
import { describeDecoder } from '../../src/sampling/decoder-description.js';
import { prepareDecodingModel } from '../../src/sampling/decoding-model.js';
import { samplingSettings } from '../../src/sampling/sampling-settings.js';
import { madeEmbeddings } from '../lora/run-decoder.js';
import { streams } from './fixture-decoder.js';

const shape = {
  layers: 2,
  hidden: 64,
  heads: 4,
  keyValueHeads: 2,
  feedForward: 96,
  vocabulary: 300,
  seed: 3,
};
const table = madeEmbeddings(shape.vocabulary * shape.hidden);
const embed = (ids: readonly number[]): Float32Array =>
  Float32Array.from(
    ids.flatMap((id) => [...table.subarray(id * shape.hidden, (id + 1) * shape.hidden)]),
  );

/** Sets attributes of all GroupQueryAttention nodes. */
function withAttributes(model: OnnxModel, attributes: Readonly<Record<string, number>>): OnnxModel {
  const nodes = model.graph.nodes.map((node) =>
    node.operator !== 'GroupQueryAttention'
      ? node
      : {
          ...node,
          attributes: [
            ...node.attributes.filter(({ name }) => attributes[name] === undefined),
            ...Object.entries(attributes).map(([name, value]) => ({
              name,
              value:
                name === 'softcap' || name === 'scale'
                  ? ({ kind: 'float', value } as const)
                  : ({ kind: 'int', value: BigInt(value) } as const),
              other: [],
            })),
          ],
        },
  );
  return { ...model, graph: { ...model.graph, nodes } };
}

const fused = { ...shape, style: 'group-query-attention' } as const;
const cases: [name: string, model: () => OnnxModel][] = [
  ['single operators', () => generateDecoder(shape)],
  ['heads that are not shared', () => generateDecoder({ ...shape, keyValueHeads: 4 })],
  ['one head of keys', () => generateDecoder({ ...shape, keyValueHeads: 1 })],
  ['mRoPE', () => generateDecoder({ ...shape, mropeSections: [2, 3, 3] })],
  ['GroupQueryAttention', () => generateDecoder(fused)],
  ['GroupQueryAttention, mRoPE', () => generateDecoder({ ...fused, mropeSections: [2, 3, 3] })],
  [
    'GroupQueryAttention, window',
    () => withAttributes(generateDecoder(fused), { local_window_size: 5 }),
  ],
  ['GroupQueryAttention, soft cap', () => withAttributes(generateDecoder(fused), { softcap: 0.5 })],
  ['GroupQueryAttention, scale', () => withAttributes(generateDecoder(fused), { scale: 0.6 })],
];

it.each(cases)('%s: the prepared graph gives what the graph gives', async (_, make) => {
  const model = make();
  const prepared = prepareDecodingModel(model);
  const results: DecodedRow[][] = [];
  for (const graph of [model, prepared]) {
    const description = describeDecoder(graph);
    const session = await createSession(graph);
    try {
      const tokens = 17;
      const positions = Array.from({ length: description.planes }, () =>
        Array.from({ length: tokens }, (_unused, index) => index),
      );
      const prompt = {
        inputsEmbeds: madeEmbeddings(tokens * shape.hidden),
        positions,
        nextPosition: tokens,
        deepstack: null,
        tokenIds: [],
        streams: streams(3),
      };
      const settings = samplingSettings();
      results.push(
        (await decode(session, description, [prompt], { settings, maxNewTokens: 9, embed })).flat(),
      );
    } finally {
      await session.dispose();
    }
  }
  const [plain = [], split = []] = results;
  expect(describeDecoder(prepared).cache.every(({ prompt }) => prompt !== null)).toBe(true);
  expect(split.map(({ tokenIds }) => tokenIds)).toEqual(plain.map(({ tokenIds }) => tokenIds));
  for (const [row, { modelLogprobs }] of split.entries())
    for (const [index, value] of modelLogprobs.entries())
      expect(Math.abs(value - (plain[row]?.modelLogprobs[index] ?? Number.NaN))).toBeLessThan(1e-5);
});

it('a window matters to these rows', async () => {
  const logprobs: number[] = [];
  for (const model of [
    generateDecoder(fused),
    withAttributes(generateDecoder(fused), { local_window_size: 5 }),
  ]) {
    const session = await createSession(prepareDecodingModel(model));
    const description = describeDecoder(prepareDecodingModel(model));
    const tokens = 17;
    const prompt = {
      inputsEmbeds: madeEmbeddings(tokens * shape.hidden),
      positions:
        description.planes === 0 ? [] : [Array.from({ length: tokens }, (_, index) => index)],
      nextPosition: tokens,
      deepstack: null,
      tokenIds: [],
      streams: streams(1),
    };
    const settings = samplingSettings({ temperature: 0 });
    const [[row] = []] = await decode(session, description, [prompt], {
      settings,
      maxNewTokens: 1,
      embed,
    });
    logprobs.push(row?.modelLogprobs[0] ?? Number.NaN);
    await session.dispose();
  }
  expect(Math.abs((logprobs[0] ?? 0) - (logprobs[1] ?? 0))).toBeGreaterThan(1e-3);
});

it('options of fused attention that are not known leave the graph as it is', () => {
  const model = withAttributes(generateDecoder(fused), { smooth_softmax: 1 });
  expect(describeDecoder(prepareDecodingModel(model)).isGroupQueryAttention).toBe(true);
});
