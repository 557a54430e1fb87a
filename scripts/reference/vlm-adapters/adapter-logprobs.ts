/**
 * The side of peft_round_trip.py that runs here: trains adapters of the tiny Qwen2.5-VL, and scores them.
 *
 *   npx tsx scripts/reference/vlm-adapters/adapter-logprobs.ts train FOLDER OPTIONS
 *   npx tsx scripts/reference/vlm-adapters/adapter-logprobs.ts score FOLDER
 *   npx tsx scripts/reference/vlm-adapters/adapter-logprobs.ts merge FOLDER OUTPUT
 *
 * Prints a JSON list of log-probabilities for each completion of the fixture's LoRA case.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  addLogProbabilities,
  addLora,
  createSession,
  differentiate,
  findLinearNodes,
  gatherBeforeLastMatMul,
  keepOutputs,
  type OnnxModel,
  readModel,
  type TensorLike,
} from '@iapo/onnx-autograd';
import {
  type Adapter,
  initializeAdapter,
  matchTargets,
  mergeAdapter,
  readAdapter,
  writeAdapter,
} from '../../../packages/vlm-adapters/src/lora/index.js';

const hidden = 64;
const family = fileURLToPath(new URL('../../../fixtures/models/qwen2_5_vl/', import.meta.url));
const references = JSON.parse(readFileSync(`${family}references.json`, 'utf8'));
const prompt = references.prompts[references.lora.prompt];
const completions: number[][] = references.lora.completions.map(
  (name: string) => references.completions[name].ids,
);
const projections = ['q', 'k', 'v', 'o'].map((name) => `self_attn.${name}_proj`);
projections.push('mlp.gate_proj', 'mlp.up_proj', 'mlp.down_proj');

function scoringGraph(path: string): OnnxModel {
  const graph = gatherBeforeLastMatMul(readModel(path));
  return keepOutputs(addLogProbabilities(graph), ['logprobs']);
}

function layersOf(graph: OnnxModel) {
  const linear = findLinearNodes(graph).slice(0, -1);
  return linear.map(({ output, inFeatures, outFeatures }, index) => {
    const module = `model.language_model.layers.${Math.floor(index / 7)}.${projections[index % 7]}`;
    return { output, inFeatures, outFeatures, module };
  });
}

/** Log-probabilities of each completion, and the gradient of their sum weighted by the fixture's cotangents. */
async function run(path: string, adapter: Adapter | null, withGradients: boolean) {
  const plain = scoringGraph(path);
  const outputs = new Map(layersOf(plain).map(({ module, output }) => [module, output]));
  const targets =
    adapter === null
      ? []
      : matchTargets([...outputs.keys()], adapter.config).map(({ module, rank, scaling }) => ({
          ...{ rank, scaling, name: `base_model.model.${module}` },
          output: outputs.get(module) ?? '',
        }));
  const scored = adapter === null ? plain : addLora(plain, { targets });
  const names = [...(adapter?.matrices.keys() ?? [])];
  const graph = withGradients
    ? differentiate(scored, { outputs: ['logprobs'], wrt: names })
    : scored;
  const session = await createSession(graph);
  const logprobs: number[][] = [];
  const gradients = new Map<string, Float64Array>();
  try {
    for (const [row, completion] of completions.entries()) {
      const feeds = await feedsOf(graph, completion, references.cotangents.lora[row]);
      for (const [name, { dims, data }] of adapter?.matrices ?? []) {
        feeds[name] = { type: 'float32', dims, data };
      }
      const results = await session.run(feeds);
      logprobs.push(Array.from((results['logprobs']?.data ?? []) as Float32Array));
      for (const name of withGradients ? names : []) {
        const added = results[`gradient.${name}`]?.data as Float32Array;
        const sum = gradients.get(name) ?? new Float64Array(added.length);
        gradients.set(
          name,
          sum.map((value, index) => value + (added[index] ?? Number.NaN)),
        );
      }
    }
  } finally {
    await session.dispose();
  }
  return { logprobs, gradients };
}

async function feedsOf(graph: OnnxModel, completion: number[], cotangents: number[]) {
  const embeddings = [...promptEmbeddings(), ...(await embed(completion))];
  const length = embeddings.length / hidden;
  const count = length - completion.length;
  const next = Math.max(...prompt.position_ids.flat()) + 1;
  const positions = prompt.position_ids.flatMap((plane: number[]) => [
    ...plane,
    ...completion.map((_, index) => next + index),
  ]);
  const int64 = (dims: number[], values: number[]): TensorLike => ({
    ...{ type: 'int64', dims },
    data: BigInt64Array.from(values.map(BigInt)),
  });
  const known: Record<string, TensorLike> = {
    inputs_embeds: {
      type: 'float32',
      dims: [1, length, hidden],
      data: Float32Array.from(embeddings),
    },
    attention_mask: int64([1, length], Array(length).fill(1)),
    position_ids: int64([3, 1, length], positions),
    logit_positions: int64(
      [completion.length, 2],
      completion.flatMap((_, index) => [0, count - 1 + index]),
    ),
    target_ids: int64([completion.length], completion),
    temperature: { type: 'float32', dims: [], data: Float32Array.of(1) },
    'cotangent.logprobs': {
      ...{ type: 'float32', dims: [completion.length] },
      data: Float32Array.from(cotangents.slice(0, completion.length)),
    },
  };
  const feeds: Record<string, TensorLike> = {};
  for (const { name, shape } of graph.graph.inputs) {
    const [, heads, , size] = shape ?? [];
    const past = { type: 'float32', dims: [1, Number(heads), 0, Number(size)] } as const;
    const feed = known[name];
    if (feed !== undefined) feeds[name] = feed;
    else if (name.startsWith('past')) feeds[name] = { ...past, data: new Float32Array(0) };
  }
  return feeds;
}

/** The fixture's own rows of the prompt, picture included. */
function promptEmbeddings(): Float32Array {
  const bytes = readFileSync(`${family}references.safetensors`);
  const headerBytes = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerBytes));
  const [begin, end] = header[`prompts/${references.lora.prompt}/inputs_embeds`].data_offsets;
  return new Float32Array(bytes.buffer.slice(8 + headerBytes + begin, 8 + headerBytes + end));
}

async function embed(ids: number[]): Promise<Float32Array> {
  const session = await createSession(readModel(`${family}onnx/embed_tokens.onnx`));
  try {
    const data = BigInt64Array.from(ids.map(BigInt));
    const { inputs_embeds: rows } = await session.run({
      input_ids: { type: 'int64', dims: [1, ids.length], data },
    });
    return rows?.data as Float32Array;
  } finally {
    await session.dispose();
  }
}

/** Some steps of gradient ascent, each of the same length, so that A and B both move. */
async function train(path: string, adapter: Adapter, steps: number): Promise<void> {
  for (let step = 0; step < steps; step++) {
    const { gradients } = await run(path, adapter, true);
    const norm = Math.sqrt(
      [...gradients.values()].reduce(
        (sum, values) => sum + values.reduce((total, value) => total + value ** 2, 0),
        0,
      ),
    );
    for (const [name, gradient] of gradients) {
      const { data } = adapter.matrices.get(name) ?? { data: new Float32Array() };
      for (const [index, value] of gradient.entries()) {
        data[index] = (data[index] ?? 0) + value / norm;
      }
    }
  }
}

const decoder = `${family}onnx/decoder_model_merged.onnx`;
const [command, folder = '', argument = ''] = process.argv.slice(2);
if (command === 'train') {
  const layers = layersOf(scoringGraph(decoder));
  const adapter = initializeAdapter(layers, JSON.parse(argument), 'fixtures/models/qwen2_5_vl');
  await train(decoder, adapter, 6);
  await writeAdapter(adapter, folder);
  process.stdout.write(JSON.stringify((await run(decoder, adapter, false)).logprobs));
} else if (command === 'score') {
  const { logprobs } = await run(decoder, await readAdapter(folder), false);
  process.stdout.write(JSON.stringify(logprobs));
} else if (command === 'merge') {
  const file = 'decoder_model_merged.onnx';
  await mergeAdapter({
    modelFolder: family,
    graphs: [{ file, nodes: layersOf(readModel(decoder)) }],
    adapter: await readAdapter(folder),
    outputFolder: argument,
  });
  const { logprobs } = await run(`${argument}/onnx/${file}`, null, false);
  process.stdout.write(JSON.stringify(logprobs));
} else throw new Error('expected train, score or merge');
