import { cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LoadOptions, OnnxVlm } from '../../src/onnx-vlm.js';
import type { EncodedPrompt } from '../../src/types/prompt.js';
import { familyFolder, readReferences, withImages } from '../encode/support.js';

const family = 'qwen2_5_vl';
const folder = familyFolder(family);
const references = readReferences(family);
const completion: number[] = references.completions.zoom.ids;

let model: OnnxVlm;
let prompt: EncodedPrompt;
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'vlm-bad-input-'));
  model = await OnnxVlm.load(folder, { worker: false, adapter: `${folder}adapter` });
  const { messages, tools, images } = references.prompts.tools_image;
  const paths = images.map((image: string) => folder + references.images[image].file);
  prompt = await model.encode(withImages(messages, paths), { tools });
});

afterAll(async () => {
  await model.dispose();
  await rm(scratch, { recursive: true, force: true });
});

/** A copy of the fixture that can be broken. */
async function copyOf(name: string): Promise<string> {
  const copy = join(scratch, name);
  for (const part of ['onnx', 'adapter', 'config.json', 'generation_config.json', 'tokenizer.json'])
    await cp(join(folder, part), join(copy, part), { recursive: true });
  for (const part of ['tokenizer_config.json', 'chat_template.json', 'preprocessor_config.json'])
    await cp(join(folder, part), join(copy, part));
  return copy;
}

async function expectUsable(): Promise<void> {
  const [scores] = await model.logprobs([{ prompt, completion }]);
  expect(scores?.logprobs.length).toBe(completion.length);
}

describe('loading', () => {
  const refuses = (
    where: string,
    options: LoadOptions,
    code: string,
    text: string,
  ): Promise<void> =>
    expect(OnnxVlm.load(where, { worker: false, ...options })).rejects.toMatchObject({
      name: 'VlmError',
      code,
      message: expect.stringContaining(text),
    });

  it('names a graph that is missing', async () => {
    await refuses(folder, { dtype: 'int8' }, 'model-file', 'decoder_model_merged_int8.onnx');
    await refuses(folder, { subfolder: 'nowhere' }, 'model-file', 'nowhere');
  });

  it('names a number format that does not exist', async () => {
    // A caller without types.
    const dtype = 'q5' as 'q4';
    await refuses(folder, { dtype }, 'invalid-argument', 'q5');
  });

  it.each([0.1, 0.5, 0.99])('refuses a decoder cut off at %f of its size', async (share) => {
    const copy = await copyOf(`cut-${share}`);
    const file = join(copy, 'onnx', 'decoder_model_merged.onnx');
    await truncate(file, Math.floor((await readFile(file)).length * share));
    await refuses(copy, {}, 'model-file', 'decoder_model_merged.onnx');
  });

  it('refuses an unknown family with the list of those that are known', async () => {
    const copy = await copyOf('family');
    const config = JSON.parse(await readFile(join(copy, 'config.json'), 'utf8'));
    await writeFile(join(copy, 'config.json'), JSON.stringify({ ...config, model_type: 'gpt_9' }));
    await refuses(copy, {}, 'unknown-family', 'qwen2_5_vl');
  });

  it("refuses another model's adapter, and both kinds of adapter at once", async () => {
    const adapter = `${familyFolder('smolvlm')}adapter`;
    await refuses(folder, { adapter }, 'adapter', 'another model');
    const lora = { targetModules: ['q_proj'] };
    await refuses(folder, { adapter, lora }, 'invalid-argument', 'not both');
  });

  it.each([0, -1, Number.NaN])('refuses a memory budget of %f', async (memoryBudget) => {
    await refuses(folder, { memoryBudget }, 'invalid-argument', 'memoryBudget');
  });
});

describe('scoring', () => {
  const cotangents = [new Float32Array(completion.length).fill(1)];
  const wrt = 'adapter' as const;

  it('refuses cotangents that do not fit', async () => {
    const short = [new Float32Array(completion.length - 1)];
    await expect(model.backward([{ prompt, completion }], short, { wrt })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(`${completion.length}`),
    });
    await expect(model.backward([{ prompt, completion }], [], { wrt })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
    const broken = [cotangents[0]?.slice() ?? new Float32Array(0)];
    if (broken[0] !== undefined) broken[0][2] = Number.NaN;
    await expect(model.backward([{ prompt, completion }], broken, { wrt })).rejects.toMatchObject({
      code: 'not-finite',
      message: expect.stringContaining('[2]'),
    });
    await expectUsable();
  });

  it('refuses a sampled image token, and numbers that are no token', async () => {
    const image = model.config.imageTokenId;
    await expect(model.logprobs([{ prompt, completion: [image] }])).rejects.toMatchObject({
      code: 'image-tokens',
    });
    for (const bad of [-1, 1.5, model.config.vocabSize]) {
      await expect(model.logprobs([{ prompt, completion: [bad] }])).rejects.toMatchObject({
        code: 'invalid-argument',
      });
    }
    await expectUsable();
  });

  it('refuses a prompt whose pictures were taken away', async () => {
    const bare = { ...prompt, images: [] };
    await expect(model.logprobs([{ prompt: bare, completion }])).rejects.toMatchObject({
      code: 'image-tokens',
    });
    await expectUsable();
  });

  it('refuses what is longer than the context', async () => {
    const long = new Array<number>(model.config.maxPositions).fill(5);
    await expect(model.logprobs([{ prompt, completion: long }])).rejects.toMatchObject({
      code: 'context-length',
    });
    const sampling = model.sample([prompt], { maxNewTokens: model.config.maxPositions });
    await expect(sampling).rejects.toMatchObject({ code: 'context-length' });
    await expectUsable();
  });

  it('says how much memory a sequence needs that does not fit', async () => {
    const small = await OnnxVlm.load(folder, { worker: false, memoryBudget: 2 ** 16 });
    try {
      await expect(small.logprobs([{ prompt, completion }])).rejects.toMatchObject({
        code: 'memory',
        message: expect.stringContaining('memoryBudget'),
      });
    } finally {
      await small.dispose();
    }
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])(
    'refuses temperature %f',
    async (temperature) => {
      await expect(model.logprobs([{ prompt, completion }], { temperature })).rejects.toMatchObject(
        {
          code: 'invalid-argument',
        },
      );
    },
  );

  it('needs an adapter, or trainable weights, to differentiate them', async () => {
    const plain = await OnnxVlm.load(folder, { worker: false });
    try {
      for (const target of ['adapter', 'weights'] as const) {
        await expect(
          plain.backward([{ prompt, completion }], cotangents, { wrt: target }),
        ).rejects.toMatchObject({ code: 'invalid-argument' });
      }
    } finally {
      await plain.dispose();
    }
  });

  it('says that it was disposed', async () => {
    const gone = await OnnxVlm.load(folder, { worker: false });
    await gone.dispose();
    await gone.dispose();
    await expect(gone.logprobs([])).rejects.toMatchObject({ code: 'disposed' });
  });
});
