import { afterAll, describe, expect, it } from 'vitest';
import { type LoadOptions, OnnxVlm } from '../../src/onnx-vlm.js';
import type { EncodedPrompt } from '../../src/types/prompt.js';
import { families, familyFolder, readReferences, withImages } from '../encode/support.js';

const loaded: OnnxVlm[] = [];
async function load(family: string, options: LoadOptions = {}): Promise<OnnxVlm> {
  const model = await OnnxVlm.load(familyFolder(family), { worker: false, ...options });
  loaded.push(model);
  return model;
}
afterAll(async () => {
  for (const model of loaded) await model.dispose();
});

const qwen = 'qwen2_5_vl';
const references = readReferences(qwen);

async function encode(model: OnnxVlm, name: string): Promise<EncodedPrompt> {
  const { messages, tools, images } = references.prompts[name];
  const paths = images.map((image: string) => familyFolder(qwen) + references.images[image].file);
  return model.encode(withImages(messages, paths), { tools: tools ?? [] });
}

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return Math.max(...Array.from(a, (value, index) => Math.abs(value - (b[index] ?? Number.NaN))));
};

describe.each([
  ['onnx', 'fp32'],
  ['onnx_if', 'fp32'],
  ['onnx_dynamo', 'fp32'],
  ['onnx_genai', 'fp32'],
  ['onnx', 'q4'],
  ['onnx_genai', 'q4'],
] as const)('Qwen2.5-VL, %s in %s', (subfolder, dtype) => {
  it('gives log-probabilities that scoring gives too, with an adapter', async () => {
    const model = await load(qwen, { subfolder, dtype, adapter: `${familyFolder(qwen)}adapter` });
    const prompt = await encode(model, 'tools_image');
    const [samples = []] = await model.sample([prompt], { n: 3, maxNewTokens: 12, seed: 5 });
    expect(samples.length).toBe(3);
    const scores = await model.logprobs(
      samples.map(({ tokenIds }) => ({ prompt, completion: tokenIds })),
    );
    for (const [index, { modelLogprobs }] of samples.entries())
      expect(largestDifference(modelLogprobs, scores[index]?.logprobs ?? [])).toBeLessThan(2e-4);
  });
});

describe('sampling', () => {
  it('repeats itself, and does not depend on what else is sampled', async () => {
    const model = await load(qwen);
    const prompts = await Promise.all(
      ['tools_image', 'text_only', 'two_images'].map((name) => encode(model, name)),
    );
    const options = { n: 4, maxNewTokens: 10, seed: 11 };
    const all = await model.sample(prompts, options);
    expect(await model.sample(prompts, options)).toEqual(all);
    const [first] = await model.sample(prompts.slice(0, 1), options);
    expect(first).toEqual(all[0]);
    const seeds = [[1, 2], [3], [4]];
    const named = await model.sample(prompts, { ...options, seeds });
    expect(named.map((samples) => samples.length)).toEqual([2, 1, 1]);
    const [alone] = await model.sample(prompts.slice(1, 2), { ...options, seeds: [[3]] });
    expect(alone).toEqual(named[1]);
  });

  it('never gives an image token', async () => {
    const model = await load(qwen);
    const [samples = []] = await model.sample([await encode(model, 'text_only')], {
      n: 64,
      maxNewTokens: 8,
      temperature: 3,
    });
    const ids = samples.flatMap(({ tokenIds }) => tokenIds);
    expect(ids).not.toContain(model.config.imageTokenId);
    expect(samples.every(({ finishReason }) => ['stop', 'length'].includes(finishReason))).toBe(
      true,
    );
  });

  it('works in a thread of its own while timers tick', async () => {
    const model = await load(qwen, { worker: true });
    const here = await load(qwen);
    const prompt = await encode(model, 'tools_image');
    let ticks = 0;
    const timer = setInterval(() => ticks++, 2);
    const sampled = await model.sample([prompt], { n: 2, maxNewTokens: 10, seed: 3 });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(0);
    expect(sampled).toEqual(await here.sample([prompt], { n: 2, maxNewTokens: 10, seed: 3 }));
  });

  it('stops when aborted, and can be used again', async () => {
    const model = await load(qwen);
    const prompt = await encode(model, 'text_only');
    const controller = new AbortController();
    const sampling = model.sample([prompt], {
      maxNewTokens: 50,
      signal: controller.signal,
      onToken: () => controller.abort(),
    });
    await expect(sampling).rejects.toMatchObject({ name: 'AbortError' });
    const [again] = await model.sample([prompt], { maxNewTokens: 2 });
    expect(again?.[0]?.tokenIds.length).toBeGreaterThan(0);
  });

  it('goes on after a tool has answered, with the sampled tokens as they are', async () => {
    const model = await load(qwen);
    const prompt = await encode(model, 'tools_image');
    const [[turn] = []] = await model.sample([prompt], { maxNewTokens: 6, seed: 2 });
    if (turn === undefined) throw new Error('nothing was sampled');
    const next = await model.extend(prompt, turn, [
      {
        role: 'user',
        content: [
          { type: 'image', image: `${familyFolder(qwen)}chart.png` },
          { type: 'text', text: 'Here is the picture.' },
        ],
      },
    ]);
    const length = prompt.inputIds.length;
    expect([...next.inputIds.slice(0, length)]).toEqual([...prompt.inputIds]);
    expect([...next.inputIds.slice(length, length + turn.tokenIds.length)]).toEqual([
      ...turn.tokenIds,
    ]);
    const [[answer] = []] = await model.sample([next], { maxNewTokens: 4, seed: 2 });
    const [scores] = await model.logprobs([{ prompt: next, completion: answer?.tokenIds ?? [] }]);
    const sampled = [...turn.modelLogprobs, ...(answer?.modelLogprobs ?? [])];
    expect(largestDifference(scores?.logprobs ?? [], sampled)).toBeLessThan(2e-4);
  });

  it.each([
    [{ n: 0 }, 'n'],
    [{ temperature: -1 }, 'temperature'],
    [{ topP: 0 }, 'topP'],
    [{ maxNewTokens: 0 }, 'maxNewTokens'],
    [{ seeds: [[1], [2]] }, 'seeds'],
  ])('refuses %o', async (options, name) => {
    const model = await load(qwen);
    const prompt = await encode(model, 'text_only');
    await expect(model.sample([prompt], options)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(name),
    });
  });
});

describe.each(families.filter((family) => family !== qwen))('%s', (family) => {
  const { cases } = readReferences(family);

  it.each(['one_image', 'text_only'])(
    '%s: sampled and scored log-probabilities agree',
    async (name) => {
      const model = await load(family);
      const paths = (cases[name].images ?? []).map((image: string) => familyFolder(family) + image);
      const prompt = await model.encode(withImages(cases[name].messages, paths));
      const [samples = []] = await model.sample([prompt], { n: 2, maxNewTokens: 8 });
      const scores = await model.logprobs(
        samples.map(({ tokenIds }) => ({ prompt, completion: tokenIds })),
      );
      for (const [index, { modelLogprobs }] of samples.entries())
        expect(largestDifference(modelLogprobs, scores[index]?.logprobs ?? [])).toBeLessThan(2e-4);
    },
  );
});
