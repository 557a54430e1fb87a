import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OnnxVlm } from '../../src/onnx-vlm.js';
import type { EncodedPrompt, Sequence } from '../../src/types/prompt.js';
import { familyFolder, readReferences, withImages } from '../encode/support.js';

const qwen = 'qwen2_5_vl';
const references = readReferences(qwen);
const adapter = `${familyFolder(qwen)}adapter`;

let alone: OnnxVlm;
let several: OnnxVlm;
let prompts: EncodedPrompt[];
let sequences: Sequence[];
let cotangents: Float32Array[];

beforeAll(async () => {
  alone = await OnnxVlm.load(familyFolder(qwen), { adapter, worker: false, threads: 1 });
  several = await OnnxVlm.load(familyFolder(qwen), { adapter, worker: 3, threads: 1 });
  prompts = await Promise.all(
    ['tools_image', 'text_only', 'two_images'].map((name) => {
      const { messages, tools, images } = references.prompts[name];
      const paths = images.map(
        (image: string) => familyFolder(qwen) + references.images[image].file,
      );
      return alone.encode(withImages(messages, paths), { tools: tools ?? [] });
    }),
  );
  sequences = prompts.flatMap((prompt) =>
    [
      [5, 6, 7],
      [8, 9],
      [10, 11, 12, 13],
    ].map((completion) => ({ prompt, completion })),
  );
  cotangents = sequences.map(({ completion }, index) =>
    Float32Array.from(completion, (_, token) => 0.25 * (index - 4) + 0.1 * token),
  );
});
afterAll(() => Promise.all([alone.dispose(), several.dispose()]));

/** Of the largest expected value: the order of a sum over rows is another. */
const tolerance = 1e-5;

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  const largest = Array.from(expected).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(largest).toBeGreaterThan(0);
  for (let index = 0; index < expected.length; index++) {
    const difference = Math.abs((actual[index] ?? Number.NaN) - (expected[index] ?? Number.NaN));
    expect(difference).toBeLessThanOrEqual(tolerance * largest);
  }
}

describe('a model in three threads', () => {
  it('samples what it samples in one', async () => {
    const options = { n: 5, maxNewTokens: 12, seed: 4 };
    const sampled = await several.sample(prompts, options);
    expect(sampled).toEqual(await alone.sample(prompts, options));
  });

  it('names the prompt and the sample of each token', async () => {
    const heard = prompts.map((): number[][] => [[], []]);
    const sampled = await several.sample(prompts, {
      n: 2,
      maxNewTokens: 6,
      seed: 1,
      onToken: ({ prompt, sample, tokenId }) => heard[prompt]?.[sample]?.push(tokenId),
    });
    expect(heard).toEqual(sampled.map((samples) => samples.map(({ tokenIds }) => [...tokenIds])));
  });

  it('scores as in one', async () => {
    const scores = await several.logprobs(sequences, { entropy: true });
    const expected = await alone.logprobs(sequences, { entropy: true });
    expect(scores.length).toBe(sequences.length);
    for (const [index, { logprobs, entropies }] of expected.entries()) {
      expectClose(scores[index]?.logprobs ?? [], logprobs);
      expectClose(scores[index]?.entropies ?? [], entropies ?? []);
    }
  });

  it('has the gradients that it has in one, and repeats them to the bit', async () => {
    const run = (model: OnnxVlm) => model.backward(sequences, cotangents, { wrt: 'adapter' });
    const [first, second, expected] = [await run(several), await run(several), await run(alone)];
    expect(second.gradients).toEqual(first.gradients);
    const names = Object.keys(expected.gradients);
    expect(names.length).toBeGreaterThan(0);
    for (const name of names)
      expectClose(first.gradients[name] ?? [], expected.gradients[name] ?? []);
  });

  it('differentiates variants of embeddings as in one', async () => {
    const [prompt] = prompts as [EncodedPrompt];
    const { embeddings, tokens, hiddenSize } = await alone.embed(prompt);
    const count = 12;
    const variants = new Float32Array(count * embeddings.length);
    for (let n = 0; n < count; n++)
      variants.set(
        embeddings.map((value) => (value * (n + 1)) / count),
        n * embeddings.length,
      );
    const batch = {
      prompt,
      completion: [5, 6, 7],
      count,
      embeddings: variants,
      tokens,
      hiddenSize,
      quantity: 'logprob' as const,
      weights: Float64Array.from({ length: count * 3 }, (_, index) => 1 + (index % 3)),
    };
    const [own, expected] = [await several.gradients(batch), await alone.gradients(batch)];
    expectClose(own.logprobs, expected.logprobs);
    expectClose(own.gradients, expected.gradients);
    expectClose(await several.embeddingLogprobs(batch), await alone.embeddingLogprobs(batch));
  });

  it('fails once all of its threads are done, and works on', async () => {
    const controller = new AbortController();
    const sampling = several.sample(prompts, {
      n: 4,
      maxNewTokens: 40,
      signal: controller.signal,
      onToken: () => controller.abort(),
    });
    await expect(sampling).rejects.toMatchObject({ name: 'AbortError' });
    const [scores] = await several.logprobs(sequences.slice(0, 1));
    expect(scores?.logprobs.length).toBe(3);
  });
});

it.each([0, 1.5, -2, 65, Number.NaN])('%d threads are refused', async (worker) => {
  await expect(OnnxVlm.load(familyFolder(qwen), { worker })).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringContaining('`worker`'),
  });
});
