import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  addLora,
  chooseBranches,
  findLinearNodes,
  readModel,
  type TensorLike,
} from '@iapo/onnx-autograd';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { textModules } from '../../src/engine/linear-modules.js';
import { modelFamilies } from '../../src/families/index.js';
import { withSingleDataFiles } from '../../src/lora/data-file-counts.js';
import {
  type Adapter,
  initializeAdapter,
  matchTargets,
  readAdapter,
} from '../../src/lora/index.js';
import { mergeAdapter } from '../../src/merge-adapter.js';
import { OnnxVlm } from '../../src/onnx-vlm.js';
import { familyFolder, largestDifference, madeEmbeddings, runDecoder } from './run-decoder.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'iapo-merge-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function nodesOf(family: string, path: string): ReturnType<typeof textModules> {
  const known = Object.values(modelFamilies).find(({ modelTypes }) => modelTypes.includes(family));
  if (known === undefined) throw new Error(`no family ${family}`);
  return textModules(chooseBranches(readModel(path)), known.modules);
}

/** Logits with branches beside the layers: what merging must give. */
async function withBranches(
  family: string,
  path: string,
  adapter: Adapter,
  embeddings: Float32Array,
): Promise<Float32Array> {
  const outputs = new Map(nodesOf(family, path).map(({ module, output }) => [module, output]));
  const targets = matchTargets([...outputs.keys()], adapter.config).map((target) => ({
    ...target,
    output: outputs.get(target.module) ?? '',
    name: `base_model.model.${target.module}`,
  }));
  const graph = addLora(chooseBranches(readModel(path)), { targets });
  const extra: Record<string, TensorLike> = {};
  for (const [name, { dims, data }] of adapter.matrices) {
    extra[name] = { type: 'float32', dims, data };
  }
  return await runDecoder(graph, 64, { embeddings, extra });
}

const variants = [
  ['qwen2_5_vl', 'onnx', 'fp32', 1e-4],
  ['qwen2_5_vl', 'onnx_external', 'fp32', 1e-4],
  ['qwen2_5_vl', 'onnx_if', 'fp32', 1e-4],
  ['qwen2_5_vl', 'onnx_dynamo', 'fp32', 1e-4],
  ['qwen2_5_vl', 'onnx_genai', 'fp32', 1e-4],
  ['qwen2_5_vl', 'onnx_genai_0_11', 'fp32', 1e-4],
  // Merged numbers are rounded to 11 bits: the README's tolerance of float16.
  ['qwen2_5_vl', 'onnx', 'fp16', 0.1],
  ['qwen2_vl', 'onnx', 'fp32', 1e-4],
  ['qwen3_vl', 'onnx', 'fp32', 1e-4],
  ['smolvlm', 'onnx', 'fp32', 1e-4],
  ['gemma3', 'onnx', 'fp32', 1e-4],
] as const;

describe('mergeAdapter', () => {
  it.each(variants)(
    'gives %s/%s in %s the logits that it has with the adapter beside it',
    async (family, subfolder, dtype, tolerance) => {
      const model = familyFolder(family);
      const adapter = await readAdapter(`${model}adapter`);
      const outputFolder = join(folder, 'merged');
      await mergeAdapter({ model, subfolder, dtype, adapter: `${model}adapter`, outputFolder });
      const file = `${subfolder}/decoder_model_merged${dtype === 'fp16' ? '_fp16' : ''}.onnx`;
      const embeddings = madeEmbeddings(9 * 64);
      const merged = readModel(join(outputFolder, file));
      const logits = await runDecoder(merged, 64, { embeddings });
      const expected = await withBranches(family, join(model, file), adapter, embeddings);
      const original = chooseBranches(readModel(join(model, file)));
      const plain = await runDecoder(original, 64, { embeddings });
      expect(largestDifference(logits, expected)).toBeLessThan(tolerance);
      // The adapter matters: without it the logits are far away.
      expect(largestDifference(plain, expected)).toBeGreaterThan(5 * tolerance);
    },
  );

  it("makes a model that loads, with PEFT's log-probabilities", async () => {
    const model = familyFolder('qwen2_5_vl');
    const references = JSON.parse(readFileSync(`${model}references.json`, 'utf8'));
    const { messages, tools } = references.prompts[references.lora.prompt];
    const completions: number[][] = references.lora.completions.map(
      (name: string) => references.completions[name].ids,
    );
    for (const name of ['adapter', 'adapter_rslora', 'adapter_qv']) {
      const outputFolder = join(folder, name);
      await mergeAdapter({ model, adapter: `${model}${name}`, outputFolder });
      const merged = await OnnxVlm.load(outputFolder, { worker: false });
      try {
        const prompt = await merged.encode(withPicture(messages, `${model}chart.png`), { tools });
        const sequences = completions.map((completion) => ({ prompt, completion }));
        const scores = await merged.logprobs(sequences);
        const actual = scores.flatMap(({ logprobs }) => [...logprobs]);
        const expected: number[] = references.lora.adapters[name].logprobs.flat();
        expect(expected.length).toBe(completions.flat().length);
        const [a, b] = [Float32Array.from(actual), Float32Array.from(expected)];
        expect(largestDifference(a, b)).toBeLessThan(2e-4); // The README's tolerance.
      } finally {
        await merged.dispose();
      }
    }
  });

  it('copies what a model needs, and neither old weights nor other quantizations', async () => {
    const model = familyFolder('qwen2_5_vl');
    const outputFolder = join(folder, 'merged');
    const options = { model, adapter: `${model}adapter_qv`, outputFolder };
    await mergeAdapter(options);
    expect(readdirSync(join(outputFolder, 'onnx')).sort()).toEqual([
      'decoder_model_merged.onnx',
      'embed_tokens.onnx',
      'vision_encoder.onnx',
    ]);
    const files = readdirSync(outputFolder);
    expect(files).toEqual(
      expect.arrayContaining(['config.json', 'tokenizer.json', 'chat_template.json']),
    );
    expect(files.filter((name) => name.endsWith('.safetensors'))).toEqual([]);
    expect(readdirSync(folder)).toEqual(['merged']);
    await expect(mergeAdapter(options)).rejects.toThrow('must be a new folder');
  });

  it('keeps every bit of layers that the adapter leaves alone', async () => {
    const model = familyFolder('qwen2_5_vl');
    const outputFolder = join(folder, 'merged');
    await mergeAdapter({ model, adapter: `${model}adapter_qv`, outputFolder });
    const file = 'onnx/decoder_model_merged.onnx';
    const bytesOf = (path: string, weight: string | undefined): Uint8Array | undefined => {
      const { initializers } = readModel(path).graph;
      const data = initializers.find(({ name }) => name === weight)?.data;
      if (data?.kind !== 'raw') return undefined;
      return data.range.source.read(data.range.offset, data.range.length);
    };
    const [query, key] = findLinearNodes(readModel(join(model, file))).map(({ weight }) => weight);
    const [before, after] = [join(model, file), join(outputFolder, file)];
    expect(bytesOf(after, key)?.length).toBe(32 * 64 * 4);
    expect(bytesOf(after, key)).toEqual(bytesOf(before, key));
    expect(bytesOf(after, query)).not.toEqual(bytesOf(before, query));
  });

  const base = () => {
    const model = familyFolder('qwen2_5_vl');
    const nodes = nodesOf('qwen2_5_vl', join(model, 'onnx/decoder_model_merged.onnx'));
    const adapter = initializeAdapter(nodes, { targetModules: ['q_proj'] });
    return { model, adapter, outputFolder: join(folder, 'merged') };
  };

  it('changes no bit with B = 0', async () => {
    const options = base();
    await mergeAdapter(options);
    const embeddings = madeEmbeddings(5 * 64);
    const [before, after] = [options.model, options.outputFolder].map((place) =>
      runDecoder(readModel(join(place, 'onnx/decoder_model_merged.onnx')), 64, { embeddings }),
    );
    expect(await after).toEqual(await before);
  });

  it.each(['onnx', 'onnx_genai', 'onnx_q4_asymmetric'])(
    'refuses 4-bit weights and says what to do: %s',
    async (subfolder) => {
      const options = base();
      const merge = mergeAdapter({ ...options, subfolder, dtype: 'q4' });
      await expect(merge).rejects.toMatchObject({ name: 'VlmError', code: 'unsupported' });
      await expect(merge).rejects.toThrow('fp32 or fp16 model and quantize that');
      expect(existsSync(options.outputFolder)).toBe(false);
    },
  );

  it('refuses adapters of other models before it writes anything', async () => {
    const options = base();
    const other = familyFolder('smolvlm');
    await expect(mergeAdapter({ ...options, adapter: `${other}adapter` })).rejects.toMatchObject({
      code: 'adapter',
      message: expect.stringContaining('no such layer'),
    });
    const [key = ''] = options.adapter.matrices.keys();
    const wide = { dims: [8, 65], data: new Float32Array(8 * 65) };
    const matrices = new Map(options.adapter.matrices).set(key, wide);
    await expect(
      mergeAdapter({ ...options, adapter: { ...options.adapter, matrices } }),
    ).rejects.toThrow('for 65 → 64 features, expected 64 → 64');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('refuses numbers that float16 cannot hold, and leaves no half-written folder', async () => {
    const options = base();
    for (const { data } of options.adapter.matrices.values()) data.fill(1000);
    const merge = mergeAdapter({ ...options, dtype: 'fp16' });
    await expect(merge).rejects.toMatchObject({ name: 'VlmError', code: 'not-finite' });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('says which file is missing or broken', async () => {
    const options = base();
    const model = join(folder, 'model');
    cpSync(options.model, model, { recursive: true });
    const path = join(model, 'onnx/decoder_model_merged.onnx');
    writeFileSync(path, readFileSync(path).subarray(0, 5000));
    await expect(mergeAdapter({ ...options, model })).rejects.toMatchObject({ code: 'model-file' });
    rmSync(path);
    await expect(mergeAdapter({ ...options, model })).rejects.toThrow('decoder_model_merged.onnx');
  });

  it('stops when it is told to', async () => {
    const merge = mergeAdapter({ ...base(), signal: AbortSignal.abort() });
    await expect(merge).rejects.toMatchObject({ name: 'AbortError' });
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('withSingleDataFiles', () => {
  const text = (formats: unknown) =>
    JSON.stringify({ a: 1, 'transformers.js_config': { use_external_data_format: formats } });
  it.each([
    [2, 1],
    [true, true],
    [
      { 'decoder_model_merged.onnx': 3, other: 2 },
      { 'decoder_model_merged.onnx': 1, other: 2 },
    ],
    [{ decoder_model_merged: 2 }, { decoder_model_merged: 1 }],
  ])('turns %o into %o', (before, after) => {
    const changed = JSON.parse(withSingleDataFiles(text(before), ['decoder_model_merged.onnx']));
    expect(changed['transformers.js_config'].use_external_data_format).toEqual(after);
    expect(changed.a).toBe(1);
  });

  it('leaves other configurations as they are', () => {
    expect(withSingleDataFiles('{ "a": 1 }', ['decoder_model_merged.onnx'])).toBe('{ "a": 1 }');
  });
});

/** The fixture's messages name no picture. */
function withPicture(
  messages: readonly { role: 'user'; content: string | { type: string; text?: string }[] }[],
  image: string,
) {
  return messages.map(({ role, content }) => ({
    role,
    content:
      typeof content === 'string'
        ? content
        : content.map(({ type, text = '' }) =>
            type === 'image' ? { type: 'image' as const, image } : { type: 'text' as const, text },
          ),
  }));
}
