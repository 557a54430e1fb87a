import { afterAll, describe, expect, it } from 'vitest';
import { type LoadOptions, OnnxVlm } from '../../src/onnx-vlm.js';
import type { EncodedPrompt, Sequence } from '../../src/types/prompt.js';
import { familyFolder, readArrays, readReferences, withImages } from '../encode/support.js';

const loaded: OnnxVlm[] = [];

async function load(family: string, options: LoadOptions = {}): Promise<OnnxVlm> {
  const model = await OnnxVlm.load(familyFolder(family), { worker: false, ...options });
  loaded.push(model);
  return model;
}

afterAll(async () => {
  for (const model of loaded) await model.dispose();
});

/** Expects every value within `relative` of the largest plus `absolute`. */
function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  relative: number,
  absolute: number,
): void {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  let largest = 0;
  for (let index = 0; index < expected.length; index++) {
    const difference = Math.abs((actual[index] ?? Number.NaN) - (expected[index] ?? Number.NaN));
    worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(worst, difference);
    largest = Math.max(largest, Math.abs(expected[index] ?? 0));
  }
  expect(worst).toBeLessThanOrEqual(relative * largest + absolute);
}

const ones = (length: number): Float32Array => new Float32Array(length).fill(1);

/** The same prompt with the features that the references hold, where pixels were resampled. */
function withFeatures(prompt: EncodedPrompt, features: Float32Array): EncodedPrompt {
  let start = 0;
  const images = prompt.images.map((image) => {
    const end = start + image.features.length;
    const own = { ...image, features: features.slice(start, end) };
    start = end;
    return own;
  });
  expect(start).toBe(features.length);
  return { ...prompt, images };
}

describe('Qwen2.5-VL, every style of export', () => {
  const family = 'qwen2_5_vl';
  const references = readReferences(family);
  const arrays = readArrays(family);
  const floatStyles = [
    'onnx',
    'onnx_external',
    'onnx_if',
    'onnx_dynamo',
    'onnx_genai',
    'onnx_genai_0_11',
  ];
  const adapter = `${familyFolder(family)}adapter`;

  async function encode(model: OnnxVlm, name: string): Promise<EncodedPrompt> {
    const { messages, tools, images } = references.prompts[name];
    const paths = images.map(
      (image: string) => familyFolder(family) + references.images[image].file,
    );
    return model.encode(withImages(messages, paths), { tools: tools ?? [] });
  }
  const completion = (name: string): number[] => references.completions[name].ids;

  it.each(floatStyles)(
    '%s: log-probabilities and entropies of all completions',
    async (subfolder) => {
      const model = await load(family, { subfolder });
      for (const temperature of [1, 0.7]) {
        const suffix = temperature === 1 ? '' : '_temperature_0.7';
        const names = Object.keys(references.scores);
        const sequences: Sequence[] = [];
        for (const name of names) {
          const { prompt, completion: chosen } = references.scores[name];
          sequences.push({ prompt: await encode(model, prompt), completion: completion(chosen) });
        }
        const scores = await model.logprobs(sequences, { temperature, entropy: true });
        for (const [index, name] of names.entries()) {
          const expected = references.scores[name];
          expectClose(scores[index]?.logprobs ?? [], expected[`logprobs${suffix}`], 0, 2e-4);
          expectClose(scores[index]?.entropies ?? [], expected[`entropy${suffix}`], 0, 2e-4);
        }
      }
    },
  );

  it.each([
    ['onnx', 'q4'],
    ['onnx_q4_asymmetric', 'q4_asymmetric'],
    ['onnx_genai', 'q4_genai'],
  ])('%s: 4-bit weights (%s)', async (subfolder, key) => {
    const model = await load(family, { subfolder, dtype: 'q4' });
    const prompt = await encode(model, 'tools_image');
    const ids = completion('zoom');
    const result = await model.backward([{ prompt, completion: ids }], [ones(ids.length)], {
      wrt: 'promptEmbeddings',
    });
    expectClose(result.logprobs[0] ?? [], references.quantised[key].logprobs, 0, 2e-4);
    const gradient = arrays(`quantised/${key}/embeds_gradient`);
    expectClose(result.gradients[0] ?? [], gradient, 2e-5, 1e-4);
  });

  it('half precision agrees within its rounding', async () => {
    const model = await load(family, { dtype: 'fp16' });
    const prompt = await encode(model, 'tools_image');
    const [scores] = await model.logprobs([{ prompt, completion: completion('zoom') }]);
    expectClose(scores?.logprobs ?? [], references.scores['tools_image/zoom'].logprobs, 0, 0.1);
  });

  it.each(floatStyles)('%s: gradient with respect to the prompt', async (subfolder) => {
    const model = await load(family, { subfolder });
    for (const name of ['tools_image', 'two_images', 'text_only']) {
      const prompt = await encode(model, name);
      const ids = completion('zoom');
      const { gradients } = await model.backward(
        [{ prompt, completion: ids }],
        [ones(ids.length)],
        {
          wrt: 'promptEmbeddings',
        },
      );
      expectClose(gradients[0] ?? [], arrays(`embeds_gradient/${name}/zoom/ones`), 2e-5, 1e-4);
    }
  });

  it.each([
    ...floatStyles.map((style) => [style, 'adapter', 'fp32', 'adapter'] as const),
    ['onnx', 'adapter_rslora', 'fp32', 'adapter_rslora'] as const,
    ['onnx', 'adapter_qv', 'fp32', 'adapter_qv'] as const,
    ['onnx', 'adapter', 'q4', 'on_q4'] as const,
    ['onnx_genai', 'adapter', 'q4', 'on_q4'] as const,
  ])('%s: every gradient of %s over %s', async (subfolder, folder, dtype, key) => {
    const model = await load(family, {
      subfolder,
      dtype,
      adapter: familyFolder(family) + folder,
    });
    const expected = key === 'on_q4' ? references.lora.on_q4 : references.lora.adapters[key];
    const prompt = await encode(model, references.lora.prompt);
    const sequences = references.lora.completions.map((name: string) => ({
      prompt,
      completion: completion(name),
    }));
    const cotangents = references.cotangents.lora.map((row: number[]) => Float32Array.from(row));
    const result = await model.backward(sequences, cotangents, { wrt: 'adapter' });
    const scores = await model.logprobs(sequences);
    for (const [index, logprobs] of expected.logprobs.entries()) {
      expectClose(result.logprobs[index] ?? [], logprobs, 0, 2e-4);
      expectClose(scores[index]?.logprobs ?? [], logprobs, 0, 2e-4);
    }
    expect(Object.keys(result.gradients).sort()).toEqual(Object.keys(model.parameters()).sort());
    for (const [name, gradient] of Object.entries(result.gradients)) {
      expectClose(gradient, arrays(`lora/${key}/grad/${name}`), 2e-5, 1e-4);
    }
  });

  it('is the model without adapter when the adapter is off, to the last bit', async () => {
    const plain = await load(family);
    const adapted = await load(family, { adapter });
    const sequences = [
      { prompt: await encode(plain, 'tools_image'), completion: completion('zoom') },
    ];
    const [expected] = await plain.logprobs(sequences);
    const [off] = await adapted.logprobs(sequences, { adapter: false });
    const [on] = await adapted.logprobs(sequences);
    expect(off?.logprobs).toEqual(expected?.logprobs);
    expect(on?.logprobs).not.toEqual(expected?.logprobs);
  });

  it('gives the same in batches of one', async () => {
    const large = await load(family, { adapter });
    const small = await load(family, { adapter, memoryBudget: 20 * 2 ** 20 });
    const prompt = await encode(large, 'tools_image');
    const sequences = ['zoom', 'focus', 'answer', 'plain'].map((name) => ({
      prompt,
      completion: completion(name),
    }));
    const cotangents = sequences.map((sequence) => ones(sequence.completion.length));
    const expected = await large.backward(sequences, cotangents, { wrt: 'adapter' });
    const actual = await small.backward(sequences, cotangents, { wrt: 'adapter' });
    for (const [index, logprobs] of expected.logprobs.entries())
      expectClose(actual.logprobs[index] ?? [], logprobs, 0, 1e-5);
    for (const [name, gradient] of Object.entries(expected.gradients))
      expectClose(actual.gradients[name] ?? [], gradient, 1e-5, 1e-6);
  });
});

interface FamilyCase {
  readonly family: string;
  readonly dtype?: 'fp32' | 'q4';
  readonly arrays: string;
  readonly lora?: string;
}

const familyCases: readonly FamilyCase[] = [
  { family: 'qwen2_vl', arrays: 'one_image', lora: 'lora' },
  { family: 'qwen3_vl', arrays: 'no_deepstack', lora: 'lora_no_deepstack' },
  { family: 'smolvlm', arrays: 'one_image', lora: 'lora' },
  { family: 'smolvlm', dtype: 'q4', arrays: 'q4' },
  { family: 'gemma3', arrays: 'one_image', lora: 'lora' },
];

describe.each(familyCases)('$family $dtype', ({ family, dtype = 'fp32', arrays: prefix, lora }) => {
  const references = readReferences(family);
  const arrays = readArrays(family);
  const { messages, images, completion_ids: completion } = references.cases.one_image;

  async function encode(model: OnnxVlm): Promise<EncodedPrompt> {
    const paths = images.map((name: string) => familyFolder(family) + name);
    return model.encode(withImages(messages, paths));
  }

  it('features, log-probabilities and the gradient of the prompt', async () => {
    const model = await load(family, { dtype });
    const own = await encode(model);
    const features = arrays('one_image.image_features');
    expectClose(
      own.images.flatMap((image) => [...image.features]),
      features,
      0,
      1e-4,
    );
    const prompt = withFeatures(own, features);
    const { embeddings } = await model.embed(prompt);
    expectClose(embeddings, arrays('one_image.inputs_embeds'), 0, 1e-4);
    const result = await model.backward([{ prompt, completion }], [ones(completion.length)], {
      wrt: 'promptEmbeddings',
    });
    expectClose(result.logprobs[0] ?? [], arrays(`${prefix}.completion_logprobs`), 0, 1e-4);
    expectClose(result.gradients[0] ?? [], arrays(`${prefix}.grad_inputs_embeds`), 1e-4, 0);
  });

  if (lora === undefined) return;

  it('every gradient of the adapter', async () => {
    const model = await load(family, { adapter: `${familyFolder(family)}adapter` });
    const prompt = withFeatures(await encode(model), arrays('one_image.image_features'));
    const cotangents = [arrays(`${lora}.coefficients`)];
    const result = await model.backward([{ prompt, completion }], cotangents, { wrt: 'adapter' });
    expectClose(result.logprobs[0] ?? [], arrays(`${lora}.logprobs`), 0, 1e-4);
    expect(Object.keys(result.gradients).length).toBeGreaterThan(0);
    for (const [name, gradient] of Object.entries(result.gradients))
      expectClose(gradient, arrays(`${lora}.grad.${name}`), 2e-4, 0);
  });
});
