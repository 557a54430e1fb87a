import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  createSession,
  type OnnxModel,
  readModel,
  type Session,
  type TensorLike,
} from '@iapo/onnx-autograd';
import { floatsOf } from '../../src/engine/float-data.js';
import type { DecodePrompt } from '../../src/sampling/decode-options.js';
import type { StreamKey } from '../../src/sampling/random-stream.js';

/** Folder of a family's fixture, with a slash at its end. */
function familyFolder(family: string): string {
  return fileURLToPath(new URL(`../../../../fixtures/models/${family}/`, import.meta.url));
}

/** A float32 array of a family's reference numbers. */
function referenceArray(family: string, name: string): Float32Array {
  const bytes = readFileSync(`${familyFolder(family)}references.safetensors`);
  const headerBytes = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerBytes)) as Record<
    string,
    { data_offsets: [number, number] }
  >;
  const range = header[name]?.data_offsets;
  if (range === undefined) throw new Error(`the references hold no array "${name}"`);
  const [begin, end] = range;
  return new Float32Array(bytes.buffer.slice(8 + headerBytes + begin, 8 + headerBytes + end));
}

/** What the tests need of a fixture's references. */
export interface FixtureCase {
  readonly family: string;
  /** Decoder, relative to the family's folder. */
  readonly file: string;
  readonly prompt: Omit<DecodePrompt, 'streams'>;
  readonly greedyIds: readonly number[];
  readonly greedyLogprobs: readonly number[];
}

// biome-ignore lint/suspicious/noExplicitAny: plain JSON of several shapes, described in the family's README
function references(family: string): any {
  return JSON.parse(readFileSync(`${familyFolder(family)}references.json`, 'utf8'));
}

/** Prompt and greedy tokens of Qwen2.5-VL's references. */
export function qwenCase(file: string, name: string): FixtureCase {
  const { prompts, greedy } = references('qwen2_5_vl');
  const { position_ids: positions, input_ids: tokenIds } = prompts[name];
  return {
    family: 'qwen2_5_vl',
    file,
    prompt: {
      inputsEmbeds: referenceArray('qwen2_5_vl', `prompts/${name}/inputs_embeds`),
      positions,
      nextPosition: Math.max(...positions.flat()) + 1,
      deepstack: null,
      tokenIds,
    },
    greedyIds: greedy[name].ids,
    greedyLogprobs: greedy[name].logprobs,
  };
}

/** Prompt and greedy tokens of another family's case "one_image". */
export function familyCase(
  family: string,
  file: string,
  kind?: 'deepstack' | 'softcap' | 'q4',
): FixtureCase {
  const all = references(family);
  const { position_ids: positions, input_ids: tokenIds, ...one } = all.cases.one_image;
  const planes =
    positions.length === 3 ? positions.map((plane: number[][]) => plane[0]) : positions;
  const isPlain = family === 'qwen3_vl' && kind !== 'deepstack';
  const greedy = isPlain
    ? all.no_deepstack
    : kind === 'softcap'
      ? all.softcap_results
      : kind === 'q4'
        ? all.q4
        : one;
  return {
    family,
    file: `onnx/${file}`,
    prompt: {
      inputsEmbeds: referenceArray(family, 'one_image.inputs_embeds'),
      positions: planes,
      nextPosition: Math.max(...planes.flat()) + 1,
      deepstack: kind === 'deepstack' ? deepstackOf(family, tokenIds, all.image_token_id) : null,
      tokenIds,
    },
    greedyIds: greedy.greedy_ids,
    greedyLogprobs: greedy.greedy_logprobs,
  };
}

/** Features of the vision tower at the image's positions, zeros elsewhere. */
function deepstackOf(
  family: string,
  tokenIds: readonly number[],
  imageToken: number,
): Float32Array {
  const features = referenceArray(family, 'one_image.deepstack_features');
  const places = tokenIds.flatMap((id, index) => (id === imageToken ? [index] : []));
  const hidden = 64;
  const layers = features.length / (places.length * hidden);
  const all = new Float32Array(layers * tokenIds.length * hidden);
  for (let layer = 0; layer < layers; layer++) {
    for (const [token, place] of places.entries()) {
      const from = (layer * places.length + token) * hidden;
      all.set(features.subarray(from, from + hidden), (layer * tokenIds.length + place) * hidden);
    }
  }
  return all;
}

export function fixtureModel({ family, file }: Pick<FixtureCase, 'family' | 'file'>): OnnxModel {
  return readModel(familyFolder(family) + file);
}

/** Sizes that onnxruntime-genai's builder names instead of giving. */
export const fixtureSizes = { keyValueHeads: 2, headSize: 16 };

/** Looks tokens up in a family's table. */
export async function fixtureEmbedding(
  family: string,
): Promise<{ embed: (ids: readonly number[]) => Promise<Float32Array>; session: Session }> {
  const session = await createSession(readModel(`${familyFolder(family)}onnx/embed_tokens.onnx`));
  const embed = async (ids: readonly number[]): Promise<Float32Array> => {
    const feed: TensorLike = {
      type: 'int64',
      dims: [1, ids.length],
      data: BigInt64Array.from(ids, BigInt),
    };
    return floatsOf(await session.run({ input_ids: feed }), 'inputs_embeds');
  };
  return { embed, session };
}

export function streams(count: number, prompt = 0, seed = 0): StreamKey[] {
  return Array.from({ length: count }, (_, sample) => ({ seed, prompt, sample }));
}
