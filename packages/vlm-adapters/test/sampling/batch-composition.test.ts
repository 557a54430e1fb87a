import { createSession, type OnnxModel, type Session } from '@iapo/onnx-autograd';
import { describe, expect, it } from 'vitest';
import { decode } from '../../src/sampling/decode.js';
import type { DecodedRow, DecodeOptions, DecodePrompt } from '../../src/sampling/decode-options.js';
import {
  type DecoderDescription,
  describeDecoder,
} from '../../src/sampling/decoder-description.js';
import { prepareDecodingModel } from '../../src/sampling/decoding-model.js';
import { samplingSettings } from '../../src/sampling/sampling-settings.js';
import { sharePromptCache } from '../../src/sampling/shared-prompt/share-prompt-cache.js';
import {
  type FixtureCase,
  familyCase,
  fixtureEmbedding,
  fixtureModel,
  fixtureSizes,
  qwenCase,
  streams,
} from './fixture-decoder.js';

interface Loaded {
  readonly session: Session;
  readonly description: DecoderDescription;
  readonly embed: DecodeOptions['embed'];
}

async function withDecoder<T>(
  test: FixtureCase,
  change: (model: OnnxModel) => OnnxModel,
  use: (loaded: Loaded) => Promise<T>,
): Promise<T> {
  const model = change(fixtureModel(test));
  const session = await createSession(model);
  const table = await fixtureEmbedding(test.family);
  try {
    const description = describeDecoder(model, fixtureSizes);
    return await use({ session, description, embed: table.embed });
  } finally {
    await session.dispose();
    await table.session.dispose();
  }
}

const cases: FixtureCase[] = [
  qwenCase('onnx/decoder_model_merged.onnx', 'text_only'),
  qwenCase('onnx_external/decoder_model_merged.onnx', 'text_only'),
  qwenCase('onnx_if/decoder_model_merged.onnx', 'text_only'),
  qwenCase('onnx_dynamo/decoder_model_merged.onnx', 'text_only'),
  qwenCase('onnx_genai/decoder_model_merged.onnx', 'text_only'),
  qwenCase('onnx_genai_0_11/decoder_model_merged.onnx', 'text_only'),
  qwenCase('onnx/decoder_model_merged_fp16.onnx', 'text_only'),
  qwenCase('onnx/decoder_model_merged_q4.onnx', 'text_only'),
  qwenCase('onnx_genai/decoder_model_merged_q4.onnx', 'text_only'),
  familyCase('qwen2_vl', 'decoder_model_merged.onnx'),
  familyCase('qwen3_vl', 'decoder_model_merged_deepstack.onnx', 'deepstack'),
  familyCase('smolvlm', 'decoder_model_merged.onnx'),
  familyCase('gemma3', 'decoder_model_merged.onnx'),
];

/** Rows end where one of these comes: with a vocabulary of about 600, after some 8 tokens in the mean. */
const stopTokens = Array.from({ length: 75 }, (_, index) => 7 * index + 4);
const settings = samplingSettings({ temperature: 1.2, topP: 0.98 });
const maxNewTokens = 14;

/** The first tokens of a prompt as a prompt of its own. */
function beginning({ prompt }: FixtureCase, tokens: number): Omit<DecodePrompt, 'streams'> {
  const all = prompt.inputsEmbeds.length / 64;
  const positions = prompt.positions.map((plane) => Array.from(plane).slice(0, tokens));
  const layers = (prompt.deepstack?.length ?? 0) / all / 64;
  const deepstack = Array.from({ length: layers }, (_, layer) =>
    prompt.deepstack?.slice(layer * all * 64, (layer * all + tokens) * 64),
  );
  return {
    inputsEmbeds: prompt.inputsEmbeds.slice(0, tokens * 64),
    positions,
    nextPosition: Math.max(...positions.flat()) + 1,
    deepstack:
      prompt.deepstack === null
        ? null
        : Float32Array.from(deepstack.flatMap((rows) => [...(rows ?? [])])),
    tokenIds: [...prompt.tokenIds].slice(0, tokens),
  };
}

const exported = (model: OnnxModel): OnnxModel => model;
const prepare = (model: OnnxModel): OnnxModel => prepareDecodingModel(model, fixtureSizes);

/** A group of 8 rows, each of them alone, and the group in batches of 3. */
async function expectIndependentRows(
  test: FixtureCase,
  change: (model: OnnxModel) => OnnxModel,
): Promise<void> {
  await withDecoder(test, change, async ({ session, description, embed }) => {
    const options = { settings, maxNewTokens, stopTokens, embed };
    const run = async (keys: DecodePrompt['streams'], maximumBatch = 8): Promise<DecodedRow[]> => {
      const prompts = [{ ...test.prompt, streams: keys }];
      return (await decode(session, description, prompts, { ...options, maximumBatch })).flat();
    };
    const group = await run(streams(8));
    const single: DecodedRow[] = [];
    for (const key of streams(8)) single.push(...(await run([key])));
    expect(single).toEqual(group);
    expect(await run(streams(8), 3)).toEqual(group);
    expect(await run(streams(8))).toEqual(group);
    // The rows differ, and end at different steps.
    expect(new Set(group.map(({ tokenIds }) => tokenIds.join())).size).toBeGreaterThan(5);
    expect(new Set(group.map(({ tokenIds }) => tokenIds.length)).size).toBeGreaterThan(3);
    expect(group.some(({ finishReason }) => finishReason === 'stop')).toBe(true);
  });
}

it.each([
  qwenCase('onnx/decoder_model_merged.onnx', 'text_only'),
  qwenCase('onnx_genai/decoder_model_merged_q4.onnx', 'text_only'),
  familyCase('gemma3', 'decoder_model_merged.onnx'),
])('$family/$file as exported: a ragged group of 8 is 8 single runs, to the bit', (test) =>
  expectIndependentRows(test, exported),
);

describe.each(cases.map((test) => ({ ...test, test })))('$family/$file, prepared', ({ test }) => {
  it('a ragged group of 8 is 8 single runs, to the bit', () =>
    expectIndependentRows(test, prepare));

  it('prompts of different lengths in one batch are those prompts alone, to the bit', async () => {
    await withDecoder(test, prepare, async ({ session, description, embed }) => {
      const tokens = test.prompt.inputsEmbeds.length / 64;
      const lengths = [1, 5, Math.floor(tokens / 2), tokens - 1, tokens];
      const prompts = lengths.map((length, prompt) => ({
        ...beginning(test, length),
        streams: streams(prompt === 1 ? 2 : 1, prompt),
      }));
      const options = { settings, maxNewTokens, stopTokens, embed };
      const together = await decode(session, description, prompts, options);
      const alone: DecodedRow[][] = [];
      for (const prompt of prompts)
        alone.push(...(await decode(session, description, [prompt], options)));
      expect(together).toEqual(alone);
    });
  });

  it('gives the tokens of the graph as exported, and log-probabilities to 1e-5', async () => {
    const run = (change: (model: OnnxModel) => OnnxModel): Promise<DecodedRow[][]> =>
      withDecoder(test, change, ({ session, description, embed }) =>
        decode(session, description, [{ ...test.prompt, streams: streams(3) }], {
          settings,
          maxNewTokens,
          embed,
        }),
      );
    const plain = (await run(exported)).flat();
    const prepared = (await run(prepare)).flat();
    expect(prepared.map(({ tokenIds }) => tokenIds)).toEqual(plain.map(({ tokenIds }) => tokenIds));
    // Halves round where products are cut; 8-bit activations of accuracy level 4 round at each block.
    const tolerance = test.file.includes('fp16')
      ? 0.02
      : test.file.includes('genai/decoder_model_merged_q4')
        ? 0.1
        : 1e-5;
    for (const [row, { modelLogprobs }] of prepared.entries())
      for (const [index, value] of modelLogprobs.entries())
        expect(Math.abs(value - (plain[row]?.modelLogprobs[index] ?? Number.NaN))).toBeLessThan(
          tolerance,
        );
  });

  it('has a cache in two parts', () => {
    const description = describeDecoder(
      prepareDecodingModel(fixtureModel(test), fixtureSizes),
      fixtureSizes,
    );
    expect(description.cache.every(({ prompt }) => prompt !== null)).toBe(true);
    expect(description.hasLogitPositions).toBe(true);
    expect(description.isGroupQueryAttention).toBe(false);
  });
});

it('a graph whose attention is not understood stays as it is', () => {
  const model = fixtureModel({ family: 'qwen2_vl', file: 'onnx/decoder_model_merged.onnx' });
  const { graph } = model;
  // Keys that go through an operator that no exporter puts there.
  const nodes = graph.nodes.map((node) =>
    node.operator === 'Expand' ? { ...node, operator: 'Tile' } : node,
  );
  expect(sharePromptCache({ ...model, graph: { ...graph, nodes } })).toBeNull();
});
