import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  addLogProbabilities,
  addLora,
  chooseBranches,
  createSession,
  differentiate,
  findLinearNodes,
  gatherBeforeLastMatMul,
  keepOutputs,
  type OnnxModel,
  readModel,
  type TensorLike,
} from '../../src/index.js';
import { floatData } from './float-data.js';
import { type ReferenceArray, readSafetensors } from './safetensors.js';

/** Folder of a family's fixture, with a slash at its end. */
export function familyFolder(family: string): string {
  return fileURLToPath(new URL(`../../../../fixtures/models/${family}/`, import.meta.url));
}

// References are plain JSON of several shapes; tests pick from them.
// biome-ignore lint/suspicious/noExplicitAny: the file's structure is described in the family's README
export function readReferences(family: string): any {
  return JSON.parse(readFileSync(`${familyFolder(family)}references.json`, 'utf8'));
}

export function readArrays(family: string): ReadonlyMap<string, ReferenceArray> {
  return readSafetensors(`${familyFolder(family)}references.safetensors`);
}

export function arrayOf(arrays: ReadonlyMap<string, ReferenceArray>, name: string): Float32Array {
  const array = arrays.get(name);
  if (array === undefined) throw new Error(`the references hold no array "${name}"`);
  return array.data;
}

/** One row of a batch: a prompt's embeddings and positions, and the completion after it. */
export interface ScoredRow {
  /** `[P, hidden]` */
  readonly promptEmbeddings: Float32Array;
  /** One list of P numbers for each plane (3 with mRoPE, else 1). */
  readonly positions: readonly (readonly number[])[];
  readonly completionIds: readonly number[];
}

export interface ScoredBatch {
  readonly rows: readonly ScoredRow[];
  readonly hidden: number;
  /** Further feeds, by the batch's length: deepstack features. */
  readonly extra?: (length: number) => Readonly<Record<string, TensorLike>>;
}

/** The decoder, cut down to log-probabilities of chosen tokens. */
function scoringGraph(path: string): OnnxModel {
  const decoder = chooseBranches(readModel(path));
  return keepOutputs(addLogProbabilities(gatherBeforeLastMatMul(decoder)), ['logprobs']);
}

/** d Σ c_t log p_t / d inputs_embeds, and the log-probabilities. */
export async function embeddingGradient(
  family: string,
  path: string,
  batch: ScoredBatch,
  cotangent: Float32Array,
): Promise<{ logprobs: Float32Array; gradient: Float32Array }> {
  const graph = differentiate(scoringGraph(path), {
    outputs: ['logprobs'],
    wrt: ['inputs_embeds'],
  });
  const session = await createSession(graph);
  try {
    const feeds = await decoderFeeds(family, graph, batch, cotangent);
    const results = await session.run(feeds);
    return {
      logprobs: floatData(results.logprobs),
      gradient: floatData(results['gradient.inputs_embeds']),
    };
  } finally {
    await session.dispose();
  }
}

const projections = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'];

/** PEFT module names of the text model's linear layers, in graph order, as the adapter spells them. */
function loraModuleNames(adapter: ReadonlyMap<string, ReferenceArray>, layers: number): string[] {
  const [first = ''] = adapter.keys();
  const prefix = first.slice(0, first.indexOf('layers.'));
  return Array.from({ length: layers }, (_, layer) =>
    projections.map((projection, index) => {
      const block = index < 4 ? 'self_attn' : 'mlp';
      return `${prefix}layers.${layer}.${block}.${projection}`;
    }),
  ).flat();
}

/** Log-probabilities with an adapter, and the gradient of each of its matrices by PEFT name. */
export async function loraGradients(
  family: string,
  path: string,
  adapter: ReadonlyMap<string, ReferenceArray>,
  scaling: number,
  batch: ScoredBatch,
  cotangent: Float32Array,
): Promise<{ logprobs: Float32Array; gradients: ReadonlyMap<string, Float32Array> }> {
  const graph = scoringGraph(path);
  const linear = findLinearNodes(graph).slice(0, -1);
  const names = loraModuleNames(adapter, linear.length / projections.length);
  const targets = linear.flatMap(({ output }, index) => {
    const name = names[index] ?? '';
    const rank = adapter.get(`${name}.lora_A.weight`)?.dims[0];
    return rank === undefined ? [] : [{ output, name, rank, scaling }];
  });
  const wrt = targets.flatMap(({ name }) => [`${name}.lora_A.weight`, `${name}.lora_B.weight`]);
  const derived = differentiate(addLora(graph, { targets }), { outputs: ['logprobs'], wrt });
  const session = await createSession(derived);
  try {
    const feeds = await decoderFeeds(family, derived, batch, cotangent);
    for (const name of wrt) {
      const { dims, data } = adapter.get(name) ?? { dims: [], data: new Float32Array() };
      feeds[name] = { type: 'float32', dims, data };
    }
    const results = await session.run(feeds);
    const gradients = new Map(wrt.map((name) => [name, floatData(results[`gradient.${name}`])]));
    return { logprobs: floatData(results.logprobs), gradients };
  } finally {
    await session.dispose();
  }
}

/** What the scoring graph is fed: rows are padded on the right; each completion token is scored. */
async function decoderFeeds(
  family: string,
  graph: OnnxModel,
  batch: ScoredBatch,
  cotangent: Float32Array,
): Promise<Record<string, TensorLike>> {
  const { rows, hidden } = batch;
  const lengths = rows.map(
    (row) => row.promptEmbeddings.length / hidden + row.completionIds.length,
  );
  const length = Math.max(...lengths);
  const embeddings = new Float32Array(rows.length * length * hidden);
  const mask = new BigInt64Array(rows.length * length);
  const planes = rows[0]?.positions.length ?? 1;
  const positions = new BigInt64Array(planes * rows.length * length);
  const picked: number[] = [];
  const targets: number[] = [];
  for (const [
    row,
    { promptEmbeddings, completionIds, positions: promptPositions },
  ] of rows.entries()) {
    const promptLength = promptEmbeddings.length / hidden;
    embeddings.set(promptEmbeddings, row * length * hidden);
    const completion = await embed(family, completionIds);
    embeddings.set(completion, (row * length + promptLength) * hidden);
    const next = Math.max(...promptPositions.flat()) + 1;
    for (let index = 0; index < (lengths[row] ?? 0); index++) {
      mask[row * length + index] = 1n;
      for (let plane = 0; plane < planes; plane++) {
        const position = promptPositions[plane]?.[index] ?? next + index - promptLength;
        positions[(plane * rows.length + row) * length + index] = BigInt(position);
      }
    }
    for (const [index, id] of completionIds.entries()) {
      picked.push(row, promptLength - 1 + index);
      targets.push(id);
    }
  }
  const int64 = (dims: number[], values: readonly number[]): TensorLike => ({
    type: 'int64',
    dims,
    data: BigInt64Array.from(values.map(BigInt)),
  });
  const known: Record<string, TensorLike> = {
    inputs_embeds: { type: 'float32', dims: [rows.length, length, hidden], data: embeddings },
    attention_mask: { type: 'int64', dims: [rows.length, length], data: mask },
    position_ids: {
      type: 'int64',
      dims: planes === 1 ? [rows.length, length] : [planes, rows.length, length],
      data: positions,
    },
    num_logits_to_keep: int64([], [0]),
    logit_positions: int64([targets.length, 2], picked),
    target_ids: int64([targets.length], targets),
    temperature: { type: 'float32', dims: [], data: Float32Array.of(1) },
    'cotangent.logprobs': { type: 'float32', dims: [targets.length], data: cotangent },
    ...batch.extra?.(length),
  };
  const feeds: Record<string, TensorLike> = {};
  for (const { name, type, shape } of graph.graph.inputs) {
    const feed = known[name];
    if (feed !== undefined) feeds[name] = feed;
    else if (name.startsWith('past_key_values.')) {
      // onnxruntime-genai's builder names the head size instead of giving it: 16 in its fixtures.
      const [, heads, , size] = shape ?? [];
      const dims = [rows.length, Number(heads), 0, typeof size === 'number' ? size : 16];
      const data = type === 'float16' ? new Uint16Array(0) : new Float32Array(0);
      feeds[name] = { type: type ?? 'float32', dims, data };
    }
  }
  return feeds;
}

async function embed(family: string, ids: readonly number[]): Promise<Float32Array> {
  const session = await createSession(readModel(`${familyFolder(family)}onnx/embed_tokens.onnx`));
  try {
    const data = BigInt64Array.from(ids.map(BigInt));
    const { inputs_embeds } = await session.run({
      input_ids: { type: 'int64', dims: [1, ids.length], data },
    });
    return floatData(inputs_embeds);
  } finally {
    await session.dispose();
  }
}

/** Largest absolute difference, and the largest absolute value of what is expected. */
export function compare(
  actual: Float32Array,
  expected: Float32Array,
): { worst: number; largest: number } {
  if (actual.length < expected.length)
    throw new Error(`${actual.length} values, expected ${expected.length}`);
  let worst = 0;
  let largest = 0;
  for (const [index, value] of expected.entries()) {
    const difference = Math.abs((actual[index] ?? Number.NaN) - value);
    worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(worst, difference);
    largest = Math.max(largest, Math.abs(value));
  }
  return { worst, largest };
}
