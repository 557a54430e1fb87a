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
import { withSingleDataFiles } from '../../src/lora/data-file-counts.js';
import {
  type Adapter,
  initializeAdapter,
  type LoraOptions,
  type ModuleNode,
  matchTargets,
  mergeAdapter,
  readAdapter,
} from '../../src/lora/index.js';
import {
  familyFolder,
  largestDifference,
  madeEmbeddings,
  referenceArray,
  runDecoder,
} from './run-decoder.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'iapo-merge-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const projections = [
  'self_attn.q_proj',
  'self_attn.k_proj',
  'self_attn.v_proj',
  'self_attn.o_proj',
];
projections.push('mlp.gate_proj', 'mlp.up_proj', 'mlp.down_proj');

/** The text model's layers in graph order, by the names in the family's adapter. */
function nodesOf(
  path: string,
  adapter: Adapter,
): (ModuleNode & { inFeatures: number; outFeatures: number })[] {
  const [key = ''] = adapter.matrices.keys();
  const prefix = key.slice('base_model.model.'.length, key.indexOf('layers.'));
  const linear = findLinearNodes(chooseBranches(readModel(path))).slice(0, -1);
  return linear.map((node, index) => ({
    ...node,
    module: `${prefix}layers.${Math.floor(index / 7)}.${projections[index % 7]}`,
  }));
}

/** Logits with branches beside the layers: what merging must give. */
async function withBranches(
  path: string,
  nodes: readonly ModuleNode[],
  adapter: Adapter,
  embeddings: Float32Array,
): Promise<Float32Array> {
  const outputs = new Map(nodes.map(({ module, output }) => [module, output]));
  const targets = matchTargets([...outputs.keys()], adapter.config).map((target) => ({
    ...target,
    output: outputs.get(target.module) ?? '',
    name: `base_model.model.${target.module}`,
  }));
  const graph = addLora(chooseBranches(readModel(path)), { targets });
  const extra: Record<string, TensorLike> = {};
  for (const [name, { dims, data }] of adapter.matrices)
    extra[name] = { type: 'float32', dims, data };
  return await runDecoder(graph, 64, { embeddings, extra });
}

const variants = [
  ['qwen2_5_vl', 'onnx', 'decoder_model_merged.onnx', 1e-4],
  ['qwen2_5_vl', 'onnx_external', 'decoder_model_merged.onnx', 1e-4],
  ['qwen2_5_vl', 'onnx_if', 'decoder_model_merged.onnx', 1e-4],
  ['qwen2_5_vl', 'onnx_dynamo', 'decoder_model_merged.onnx', 1e-4],
  ['qwen2_5_vl', 'onnx_genai', 'decoder_model_merged.onnx', 1e-4],
  ['qwen2_5_vl', 'onnx_genai_0_11', 'decoder_model_merged.onnx', 1e-4],
  // Merged numbers are rounded to 11 bits: the README's tolerance of float16.
  ['qwen2_5_vl', 'onnx', 'decoder_model_merged_fp16.onnx', 0.1],
  ['qwen2_vl', 'onnx', 'decoder_model_merged.onnx', 1e-4],
  ['qwen3_vl', 'onnx', 'decoder_model_merged.onnx', 1e-4],
  ['smolvlm', 'onnx', 'decoder_model_merged.onnx', 1e-4],
  ['gemma3', 'onnx', 'decoder_model_merged.onnx', 1e-4],
] as const;

describe('mergeAdapter', () => {
  it.each(variants)(
    'gives %s/%s/%s the logits that it has with the adapter beside it',
    async (family, subfolder, file, tolerance) => {
      const modelFolder = familyFolder(family);
      const adapter = await readAdapter(`${modelFolder}adapter`);
      const path = join(modelFolder, subfolder, file);
      const nodes = nodesOf(path, adapter);
      const outputFolder = join(folder, 'merged');
      await mergeAdapter({
        modelFolder,
        subfolder,
        graphs: [{ file, nodes }],
        adapter,
        outputFolder,
      });
      const embeddings = madeEmbeddings(9 * 64);
      const merged = await runDecoder(readModel(join(outputFolder, subfolder, file)), 64, {
        embeddings,
      });
      const expected = await withBranches(path, nodes, adapter, embeddings);
      const plain = await runDecoder(chooseBranches(readModel(path)), 64, { embeddings });
      expect(largestDifference(merged, expected)).toBeLessThan(tolerance);
      // The adapter matters: without it the logits are far away.
      expect(largestDifference(plain, expected)).toBeGreaterThan(5 * tolerance);
    },
  );

  it("gives PEFT's log-probabilities", async () => {
    const modelFolder = familyFolder('qwen2_5_vl');
    const references = JSON.parse(readFileSync(`${modelFolder}references.json`, 'utf8'));
    for (const name of ['adapter', 'adapter_rslora', 'adapter_qv']) {
      const adapter = await readAdapter(`${modelFolder}${name}`);
      const file = 'decoder_model_merged.onnx';
      const nodes = nodesOf(join(modelFolder, 'onnx', file), adapter);
      const outputFolder = join(folder, name);
      const graphs = [
        { file, nodes },
        { file: 'embed_tokens.onnx', nodes: [] },
      ];
      await mergeAdapter({ modelFolder, graphs, adapter, outputFolder });
      const ids: number[] = references.completions.answer.ids;
      const table = await embed(join(outputFolder, 'onnx/embed_tokens.onnx'), ids);
      const prompt = referenceArray('qwen2_5_vl', 'prompts/tools_image/inputs_embeds');
      const positions: number[][] = references.prompts.tools_image.position_ids;
      const next = Math.max(...positions.flat()) + 1;
      const logits = await runDecoder(readModel(join(outputFolder, 'onnx', file)), 64, {
        embeddings: Float32Array.from([...prompt, ...table]),
        positions: positions.map((plane) => [...plane, ...ids.map((_, index) => next + index)]),
      });
      const first = prompt.length / 64 - 1;
      const actual = ids.map((id, index) => logProbability(logits, first + index, id));
      const expected: number[] = references.lora.adapters[name].logprobs[2];
      expect(expected).toHaveLength(ids.length);
      // Tolerance of log-probabilities in the fixture's README.
      expect(
        largestDifference(Float32Array.from(actual), Float32Array.from(expected)),
      ).toBeLessThan(2e-4);
    }
  });

  it('copies what a model needs, and neither old weights nor other quantizations', async () => {
    const modelFolder = familyFolder('qwen2_5_vl');
    const adapter = await readAdapter(`${modelFolder}adapter_qv`);
    const file = 'decoder_model_merged.onnx';
    const nodes = nodesOf(join(modelFolder, 'onnx', file), adapter);
    const graphs = [file, 'embed_tokens.onnx', 'vision_encoder.onnx'].map((name) => ({
      file: name,
      nodes: name === file ? nodes : [],
    }));
    const outputFolder = join(folder, 'merged');
    await mergeAdapter({ modelFolder, graphs, adapter, outputFolder });
    expect(readdirSync(join(outputFolder, 'onnx')).sort()).toEqual(
      graphs.map((graph) => graph.file).sort(),
    );
    const files = readdirSync(outputFolder);
    expect(files).toEqual(
      expect.arrayContaining(['config.json', 'tokenizer.json', 'chat_template.json']),
    );
    expect(files.filter((name) => name.includes('safetensors'))).toEqual([]);
    expect(readdirSync(folder)).toEqual(['merged']);
    // Layers that the adapter leaves alone keep every bit.
    const bytesOf = (path: string, weight: string): Uint8Array | undefined => {
      const { data } = readModel(path).graph.initializers.find(({ name }) => name === weight) ?? {};
      return data?.kind === 'raw'
        ? data.range.source.read(data.range.offset, data.range.length)
        : undefined;
    };
    const [before, after] = [modelFolder, `${outputFolder}/`].map(
      (place) => `${place}onnx/${file}`,
    );
    const weights = new Map(
      findLinearNodes(readModel(before ?? '')).map((node, index) => [index, node.weight]),
    );
    const [query = '', key = ''] = [weights.get(0), weights.get(1)];
    expect(bytesOf(after ?? '', key)).toEqual(bytesOf(before ?? '', key));
    expect(bytesOf(after ?? '', query)).not.toEqual(bytesOf(before ?? '', query));
    await expect(mergeAdapter({ modelFolder, graphs, adapter, outputFolder })).rejects.toThrow(
      'must be a new folder',
    );
  });

  const base = async (options: Partial<LoraOptions> = {}) => {
    const modelFolder = familyFolder('qwen2_5_vl');
    const read = await readAdapter(`${modelFolder}adapter`);
    const file = 'decoder_model_merged.onnx';
    const nodes = nodesOf(join(modelFolder, 'onnx', file), read);
    const adapter = initializeAdapter(nodes, { targetModules: ['q_proj'], ...options });
    return {
      modelFolder,
      adapter,
      graphs: [{ file, nodes }],
      outputFolder: join(folder, 'merged'),
    };
  };

  it('changes no bit with B = 0', async () => {
    const options = await base();
    await mergeAdapter(options);
    const embeddings = madeEmbeddings(5 * 64);
    const [before, after] = [options.modelFolder, options.outputFolder].map((place) =>
      runDecoder(readModel(join(place, 'onnx/decoder_model_merged.onnx')), 64, { embeddings }),
    );
    expect(await after).toEqual(await before);
  });

  it.each([
    ['onnx', 'decoder_model_merged_q4.onnx'],
    ['onnx_genai', 'decoder_model_merged_q4.onnx'],
  ])('refuses 4-bit weights and says what to do: %s/%s', async (subfolder, file) => {
    const { modelFolder, adapter, outputFolder } = await base();
    const nodes = nodesOf(
      join(modelFolder, subfolder, file),
      await readAdapter(`${modelFolder}adapter`),
    );
    const merge = mergeAdapter({
      modelFolder,
      subfolder,
      graphs: [{ file, nodes }],
      adapter,
      outputFolder,
    });
    await expect(merge).rejects.toMatchObject({ name: 'VlmError', code: 'unsupported' });
    await expect(merge).rejects.toThrow('fp32 or fp16 model and quantize that');
    expect(existsSync(outputFolder)).toBe(false);
  });

  it('refuses adapters of other models before it writes anything', async () => {
    const options = await base();
    const [key = '', first] = [...options.adapter.matrices][0] ?? [];
    const wrong = new Map(options.adapter.matrices).set(key, {
      dims: [8, 65],
      data: new Float32Array(8 * 65),
    });
    expect(first?.dims).toEqual([8, 64]);
    const merge = (adapter: Adapter) => mergeAdapter({ ...options, adapter });
    await expect(merge({ ...options.adapter, matrices: wrong })).rejects.toThrow(
      'expected [8, 64]',
    );
    const [graph] = options.graphs;
    const fewer = {
      ...options,
      graphs: [{ file: graph?.file ?? '', nodes: (graph?.nodes ?? []).slice(1) }],
    };
    await expect(mergeAdapter(fewer)).rejects.toThrow('no graph of');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('refuses numbers that float16 cannot hold, and leaves no half-written folder', async () => {
    const modelFolder = familyFolder('qwen2_5_vl');
    const file = 'decoder_model_merged_fp16.onnx';
    const nodes = nodesOf(
      join(modelFolder, 'onnx', file),
      await readAdapter(`${modelFolder}adapter`),
    );
    const adapter = initializeAdapter(nodes, { targetModules: ['q_proj'] });
    for (const { data } of adapter.matrices.values()) data.fill(1000);
    const merge = mergeAdapter({
      modelFolder,
      graphs: [{ file, nodes }],
      adapter,
      outputFolder: join(folder, 'merged'),
    });
    await expect(merge).rejects.toMatchObject({ name: 'VlmError', code: 'not-finite' });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('says which file is missing or broken', async () => {
    const options = await base();
    cpSync(options.modelFolder, join(folder, 'model'), { recursive: true });
    const path = join(folder, 'model/onnx/decoder_model_merged.onnx');
    writeFileSync(path, readFileSync(path).subarray(0, 5000));
    const merge = () => mergeAdapter({ ...options, modelFolder: join(folder, 'model') });
    await expect(merge()).rejects.toMatchObject({ code: 'model-file' });
    rmSync(path);
    await expect(merge()).rejects.toThrow('decoder_model_merged.onnx');
  });

  it('stops when it is told to', async () => {
    const merge = mergeAdapter({ ...(await base()), signal: AbortSignal.abort() });
    await expect(merge).rejects.toMatchObject({ name: 'AbortError' });
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

async function embed(path: string, ids: readonly number[]): Promise<Float32Array> {
  const { createSession } = await import('@iapo/onnx-autograd');
  const session = await createSession(readModel(path));
  try {
    const data = BigInt64Array.from(ids.map(BigInt));
    const results = await session.run({
      input_ids: { type: 'int64', dims: [1, ids.length], data },
    });
    return Float32Array.from(results['inputs_embeds']?.data as Float32Array);
  } finally {
    await session.dispose();
  }
}

function logProbability(logits: Float32Array, row: number, id: number): number {
  const values = logits.subarray(row * 704, (row + 1) * 704);
  const largest = Math.max(...values);
  const sum = values.reduce((total, value) => total + Math.exp(value - largest), 0);
  return (values[id] ?? Number.NaN) - largest - Math.log(sum);
}
