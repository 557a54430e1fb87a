import { afterAll, describe, expect, it } from 'vitest';
import { OnnxVlm } from '../../src/onnx-vlm.js';
import type { EncodedPrompt, Sequence } from '../../src/types/prompt.js';
import { familyFolder, readReferences, withImages } from '../encode/support.js';

// Whole gradients against differences along one direction: Σ g·v = (F(x + hv) − F(x − hv)) / 2h.
const family = 'qwen2_5_vl';
const references = readReferences(family);
const completion: number[] = references.completions.zoom.ids;
const cotangents = [Float32Array.from(completion, (_, index) => (index % 3) - 0.7)];

const loaded: OnnxVlm[] = [];
async function load(trainable: 'adapter' | 'weights'): Promise<OnnxVlm> {
  const model = await OnnxVlm.load(familyFolder(family), { worker: false, trainable });
  loaded.push(model);
  return model;
}
afterAll(async () => {
  for (const model of loaded) await model.dispose();
});

function encode(model: OnnxVlm): Promise<EncodedPrompt> {
  const { messages, tools, images } = references.prompts.tools_image;
  const paths = images.map((image: string) => familyFolder(family) + references.images[image].file);
  return model.encode(withImages(messages, paths), { tools });
}

async function objective(model: OnnxVlm, sequence: Sequence): Promise<number> {
  const [scores] = await model.logprobs([sequence]);
  const logprobs = scores?.logprobs ?? new Float32Array(0);
  return logprobs.reduce((sum, value, index) => sum + value * (cotangents[0]?.[index] ?? 0), 0);
}

/** A direction of length 1 that repeats on every run. */
function direction(length: number, salt: number): Float64Array {
  const values = Float64Array.from({ length }, (_, index) =>
    Math.sin((index + 1) * 12.9898 * salt),
  );
  const norm = Math.hypot(...values);
  return values.map((value) => value / norm);
}

const dot = (gradient: Float32Array, along: Float64Array): number =>
  gradient.reduce((sum, value, index) => sum + value * (along[index] ?? 0), 0);

describe('weights', () => {
  it('every graph moves the log-probabilities as its gradient says', async () => {
    const model = await load('weights');
    const prompt = await encode(model);
    const { gradients } = await model.backward([{ prompt, completion }], cotangents, {
      wrt: 'weights',
    });
    const parameters = model.parameters();
    expect(Object.keys(gradients).sort()).toEqual(Object.keys(parameters).sort());
    const chosen = ['embed_tokens/', 'vision_encoder/', 'decoder_model_merged/'].map((graph) => {
      const names = Object.keys(parameters).filter((name) => name.startsWith(graph));
      return names.sort((a, b) => (parameters[b]?.length ?? 0) - (parameters[a]?.length ?? 0))[0];
    });
    for (const [salt, name = ''] of chosen.entries()) {
      const values = parameters[name] ?? new Float32Array(0);
      const along = direction(values.length, salt + 1);
      const before = values.slice();
      const step = 0.02;
      const moved = async (sign: number): Promise<number> => {
        for (const [index, value] of before.entries())
          values[index] = value + sign * step * (along[index] ?? 0);
        model.parametersChanged();
        const result = await objective(model, { prompt: await encode(model), completion });
        values.set(before);
        model.parametersChanged();
        return result;
      };
      const slope = ((await moved(1)) - (await moved(-1))) / (2 * step);
      const expected = dot(gradients[name] ?? new Float32Array(0), along);
      // Single precision: F is about 100 with an error of 1e-5, divided by twice the step.
      expect(Math.abs(slope - expected)).toBeLessThan(2e-3 + 2e-3 * Math.abs(expected));
    }
  });
});

describe('pixelValues', () => {
  it('a picture moves the log-probabilities as its gradient says', async () => {
    const model = await load('adapter');
    const prompt = await encode(model);
    const { gradients } = await model.backward([{ prompt, completion }], cotangents, {
      wrt: 'pixelValues',
    });
    const image = prompt.images[0];
    const pixels = image?.feeds['pixel_values'];
    if (image === undefined || !(pixels?.data instanceof Float32Array))
      throw new Error('no picture');
    const values = pixels.data;
    const gradient = gradients[0]?.[0] ?? new Float32Array(0);
    expect(gradient.length).toBe(values.length);
    const along = direction(values.length, 7);
    const before = values.slice();
    const step = 0.2;
    const moved = async (sign: number): Promise<number> => {
      const data = before.map((value, index) => value + sign * step * (along[index] ?? 0));
      const features = await encodePixels(model, prompt, data, String(sign));
      return objective(model, { prompt: features, completion });
    };
    const slope = ((await moved(1)) - (await moved(-1))) / (2 * step);
    expect(Math.abs(slope - dot(gradient, along))).toBeLessThan(1e-3 + 2e-3 * Math.abs(slope));
  });
});

/** The same prompt with other pixels, through the model's own encoder. */
async function encodePixels(
  model: OnnxVlm,
  prompt: EncodedPrompt,
  data: Float32Array,
  hash: string,
): Promise<EncodedPrompt> {
  const images = prompt.images.map((image) => ({
    ...image,
    hash,
    feeds: { ...image.feeds, pixel_values: { ...image.feeds['pixel_values'], data } },
  }));
  return model.encodeImages({ ...prompt, images } as EncodedPrompt);
}
