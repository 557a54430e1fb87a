import {
  addLora,
  createSession,
  findLinearNodes,
  type Session,
  type TensorLike,
} from '@iapo/onnx-autograd';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decode } from '../../src/sampling/decode.js';
import type { DecodedRow, DecodeOptions, DecodePrompt } from '../../src/sampling/decode-options.js';
import {
  type DecoderDescription,
  describeDecoder,
} from '../../src/sampling/decoder-description.js';
import { prepareDecodingModel } from '../../src/sampling/decoding-model.js';
import { samplingSettings } from '../../src/sampling/sampling-settings.js';
import { fixtureEmbedding, fixtureModel, qwenCase, streams } from './fixture-decoder.js';

const test = qwenCase('onnx_genai_0_11/decoder_model_merged.onnx', 'text_only');
const model = prepareDecodingModel(fixtureModel(test));
const description: DecoderDescription = describeDecoder(model);
let session: Session;
let table: Awaited<ReturnType<typeof fixtureEmbedding>>;

beforeAll(async () => {
  session = await createSession(model);
  table = await fixtureEmbedding(test.family);
});

afterAll(async () => {
  await session.dispose();
  await table.session.dispose();
});

const greedy = samplingSettings({ temperature: 0 });

function run(
  options: Partial<DecodeOptions> = {},
  prompts: readonly DecodePrompt[] = [{ ...test.prompt, streams: streams(1) }],
): Promise<DecodedRow[][]> {
  return decode(session, description, prompts, {
    settings: greedy,
    maxNewTokens: 8,
    embed: table.embed,
    ...options,
  });
}

/** Greedy tokens: 597, 35, 110, 268, 268, … */
const ids = test.greedyIds;

describe('a row ends', () => {
  it('at a stop token, which it keeps', async () => {
    const [[row] = []] = await run({ stopTokens: [110] });
    expect(row).toMatchObject({ tokenIds: ids.slice(0, 3), finishReason: 'stop' });
    expect(row?.modelLogprobs).toHaveLength(3);
    expect(row?.logprobs).toEqual([0, 0, 0]);
  });

  it('at a stop token that comes first, without a step', async () => {
    const [[row] = []] = await run({
      stopTokens: [597],
      embed: () => {
        throw new Error('no step was needed');
      },
    });
    expect(row).toMatchObject({ tokenIds: [597], finishReason: 'stop' });
  });

  it('at a text that several tokens make up', async () => {
    // Tokens as the text of their ids: "597 35 110 268 …".
    const decodeText = (all: readonly number[]): string => all.join(' ');
    const [[row] = []] = await run({ stopStrings: ['5 110 2'], decodeText });
    expect(row).toMatchObject({ tokenIds: ids.slice(0, 4), finishReason: 'stop' });
  });

  it('at its length', async () => {
    const [[row] = []] = await run({ maxNewTokens: 5 });
    expect(row).toMatchObject({ tokenIds: ids.slice(0, 5), finishReason: 'length' });
  });

  it('by the token that is also its last as stop', async () => {
    const [[row] = []] = await run({ maxNewTokens: 3, stopTokens: [110] });
    expect(row?.finishReason).toBe('stop');
  });
});

it('a long stop text is found where tokens are single bytes', async () => {
  const text = 'x'.repeat(40);
  // Forty tokens of one byte each, then the end.
  const decodeText = (all: readonly number[]): string => 'x'.repeat(all.length);
  const [[row] = []] = await run({ maxNewTokens: 60, stopStrings: [text], decodeText });
  expect(row?.tokenIds).toHaveLength(40);
});

it('reports each token with its row', async () => {
  const events: string[] = [];
  const prompts = [
    { ...test.prompt, streams: streams(2) },
    { ...test.prompt, streams: streams(1, 1) },
  ];
  const rows = await run(
    {
      maxNewTokens: 3,
      onToken: ({ prompt, sample, tokenId }) => events.push(`${prompt}/${sample}/${tokenId}`),
    },
    prompts,
  );
  const expected = [0, 1, 2].flatMap((step) =>
    ['0/0', '0/1', '1/0'].map((row) => `${row}/${ids[step]}`),
  );
  expect([...events].sort()).toEqual(expected.sort());
  expect(rows.map(({ length }) => length)).toEqual([2, 1]);
});

it('stops between steps when its signal does, and can go on', async () => {
  const controller = new AbortController();
  let tokens = 0;
  const onToken = (): void => {
    if (++tokens === 4) controller.abort(new Error('enough'));
  };
  await expect(run({ onToken, signal: controller.signal })).rejects.toThrow('enough');
  expect(tokens).toBe(4);
  await expect(run({ signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');
  const [[row] = []] = await run();
  expect(row?.tokenIds).toEqual(ids.slice(0, 8));
});

it('the repetition penalty sees the prompt and what was sampled', async () => {
  const settings = samplingSettings({ temperature: 0, repetitionPenalty: 1e6 });
  const [[row] = []] = await run({ settings, maxNewTokens: 16 });
  const all = [...test.prompt.tokenIds, ...(row?.tokenIds ?? [])];
  // A token of a positive logit is pushed to about 0 when it came before; with 704 tokens there is always another.
  expect(new Set(row?.tokenIds).size).toBe(16);
  expect(new Set(all).size).toBe(new Set(test.prompt.tokenIds).size + 16);
});

it('forbidden tokens do not come', async () => {
  const settings = samplingSettings({ temperature: 0, forbidden: [597, 268] });
  const [[row] = []] = await run({ settings });
  expect(row?.tokenIds).not.toContain(597);
  expect(row?.tokenIds).not.toContain(268);
});

it('streams by name give a row wherever it stands', async () => {
  const settings = samplingSettings({ temperature: 1.5 });
  const prompt = (seeds: readonly number[]): DecodePrompt => ({
    ...test.prompt,
    streams: seeds.map((rowSeed) => ({ rowSeed })),
  });
  const [first = [], second = []] = await run({ settings }, [prompt([5, 6]), prompt([6, 7, 5])]);
  expect(second[2]).toEqual(first[0]);
  expect(second[0]).toEqual(first[1]);
  expect(second[1]).not.toEqual(first[0]);
});

it('nothing is read for a prompt without rows', async () => {
  expect(await run({}, [{ ...test.prompt, streams: [] }])).toEqual([[]]);
  expect(await run({}, [])).toEqual([]);
});

it('runs in a thread of its own, with caches lent to it, to the same bits', async () => {
  const threaded = await createSession(model, { worker: true });
  try {
    const settings = samplingSettings({ temperature: 1.2 });
    const prompts = [{ ...test.prompt, streams: streams(3) }];
    const options = { settings, maxNewTokens: 8, embed: table.embed };
    const there = await decode(threaded, description, prompts, options);
    expect(there).toEqual(await decode(session, description, prompts, options));
    // The caller's arrays are still its own.
    expect(test.prompt.inputsEmbeds.length).toBeGreaterThan(0);
  } finally {
    await threaded.dispose();
  }
});

it("an adapter's matrices are fed with each run, and stay the caller's", async () => {
  const plain = fixtureModel(qwenCase('onnx/decoder_model_merged.onnx', 'text_only'));
  const targets = findLinearNodes(plain)
    .slice(0, -1)
    .map(({ output }, index) => ({ output, name: `linear.${index}`, rank: 2, scaling: 1 }));
  const adapted = addLora(plain, { targets });
  const matrices = adapted.graph.inputs.filter(({ name }) => name.includes('.lora_'));
  const parameters = Object.fromEntries(
    matrices.map(({ name, shape = [] }): [string, TensorLike] => {
      const dims = shape.map(Number);
      const data = Float32Array.from(
        { length: (dims[0] ?? 0) * (dims[1] ?? 0) },
        (_, index) => 0.2 * Math.sin(index),
      );
      return [name, { type: 'float32', dims, data }];
    }),
  );
  const rows: DecodedRow[][] = [];
  for (const graph of [adapted, prepareDecodingModel(adapted)]) {
    const threaded = await createSession(graph, { worker: true });
    try {
      const [group = []] = await decode(
        threaded,
        describeDecoder(graph),
        [{ ...test.prompt, streams: streams(2) }],
        { settings: greedy, maxNewTokens: 6, embed: table.embed, parameters },
      );
      rows.push(group);
    } finally {
      await threaded.dispose();
    }
  }
  const [whole = [], split = []] = rows;
  expect(split.map(({ tokenIds }) => tokenIds)).toEqual(whole.map(({ tokenIds }) => tokenIds));
  expect(whole[0]?.tokenIds).not.toEqual(ids.slice(0, 6));
  for (const [index, value] of (split[0]?.modelLogprobs ?? []).entries())
    expect(Math.abs(value - (whole[0]?.modelLogprobs[index] ?? Number.NaN))).toBeLessThan(1e-5);
  expect(Object.values(parameters).every(({ data }) => (data as Float32Array).length > 0)).toBe(
    true,
  );
});

describe('refuses, before any run', () => {
  const never = {
    run: () => {
      throw new Error('a run was started');
    },
  };
  const cases: [name: string, prompt: Partial<DecodePrompt>, options: Partial<DecodeOptions>][] = [
    ['no tokens to sample', {}, { maxNewTokens: 0 }],
    ['a batch of one row', {}, { maximumBatch: 1 }],
    ['an empty stop text', {}, { stopStrings: [''], decodeText: () => '' }],
    ['stop texts without a decoder', {}, { stopStrings: ['.'] }],
    ['an empty prompt', { inputsEmbeds: new Float32Array(0), positions: [[], [], []] }, {}],
    ['embeddings of another width', { inputsEmbeds: new Float32Array(100) }, {}],
    ['positions of another length', { positions: [[0], [0], [0]] }, {}],
    [
      'positions of too few planes',
      { positions: [Array.from(test.prompt.positions[0] ?? [])] },
      {},
    ],
    ['deepstack features that the graph does not take', { deepstack: new Float32Array(64) }, {}],
    ['a seed that is no integer', { streams: [{ rowSeed: 0.5 }] }, {}],
  ];

  it.each(cases)('%s', async (_, prompt, options) => {
    const prompts = [{ ...test.prompt, streams: streams(1), ...prompt }];
    const given = { settings: greedy, maxNewTokens: 2, embed: table.embed, ...options };
    await expect(decode(never, description, prompts, given)).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });

  it('a graph whose parameters are not given', async () => {
    const adapted = { ...description, parameters: ['q.lora_A.weight'] };
    const prompts = [{ ...test.prompt, streams: streams(1) }];
    const given = { settings: greedy, maxNewTokens: 2, embed: table.embed };
    await expect(decode(never, adapted, prompts, given)).rejects.toThrow('q.lora_A.weight');
  });
});

it('says what a decoder lacks', () => {
  const { graph } = model;
  const without = (name: string) => ({
    ...model,
    graph: { ...graph, inputs: graph.inputs.filter((input) => !input.name.startsWith(name)) },
  });
  expect(() => describeDecoder(without('inputs_embeds'))).toThrow('inputs_embeds');
  expect(() => describeDecoder(without('past_key_values'))).toThrow('past_key_values');
  expect(() => describeDecoder({ ...model, graph: { ...graph, outputs: [] } })).toThrow('logits');
  expect(() =>
    describeDecoder(fixtureModel(qwenCase('onnx_genai/decoder_model_merged.onnx', 'text_only'))),
  ).toThrow('config.json');
});

it('numbers that are not finite are an error, and the session still works', async () => {
  const inputsEmbeds = test.prompt.inputsEmbeds.slice();
  inputsEmbeds[0] = Number.NaN;
  await expect(
    run({}, [{ ...test.prompt, inputsEmbeds, streams: streams(2) }]),
  ).rejects.toMatchObject({
    code: 'not-finite',
  });
  const [[row] = []] = await run();
  expect(row?.tokenIds).toEqual(ids.slice(0, 8));
});
