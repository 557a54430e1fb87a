import type { OnnxModel } from '@iapo/onnx-autograd';
import { VlmError } from '../errors.js';

/** Names and sizes of one cached tensor: keys or values of one layer. */
export interface CacheSlot {
  /** Input that takes it, `[batch, heads, length, headSize]`. */
  readonly past: string;
  /** Output that gives it with the new tokens. */
  readonly present: string;
  /** Input for the part that the prompt has left, where the graph takes that apart; see `sharePromptCache`. */
  readonly prompt: string | null;
  readonly type: 'float32' | 'float16';
  /** Heads of keys and values. */
  readonly heads: number;
  readonly headSize: number;
}

/** What a merged decoder takes and gives: plain data, so that it can go to another thread. */
export interface DecoderDescription {
  /** Width of `inputs_embeds`. */
  readonly hidden: number;
  /** Has an input `attention_mask`. */
  readonly hasMask: boolean;
  /** Planes of `position_ids`: 3 with mRoPE, else 1; 0 if the graph counts by itself. */
  readonly planes: number;
  readonly cache: readonly CacheSlot[];
  /** Has `num_logits_to_keep`, 0 for all. */
  readonly hasLogitCount: boolean;
  /** Has `logit_positions` (`gatherBeforeLastMatMul`): logits are `[N, vocabulary]`. */
  readonly hasLogitPositions: boolean;
  /** Has `use_cache_branch`: two decoders in one. */
  readonly hasBranches: boolean;
  readonly deepstack: { readonly name: string; readonly layers: number } | null;
  /**
   * Some attention is one GroupQueryAttention node: rows may be padded on the right only, and several tokens on a past
   * go alone.
   */
  readonly isGroupQueryAttention: boolean;
  /** Inputs that are none of the above, such as matrices of an adapter: to be fed with each run. */
  readonly parameters: readonly string[];
}

/** Sizes that a graph may name instead of giving. */
export interface CacheSizes {
  readonly keyValueHeads: number;
  readonly headSize: number;
}

const cacheName = /^past_key_values\.(\d+)\.(key|value)$/;
const promptCacheName = /^prompt_key_values\.(\d+)\.(key|value)$/;

/** Name of the input for a prompt's part of a cache, from the name of the past. */
export function promptCacheInput(past: string): string {
  return past.replace('past_key_values', 'prompt_key_values');
}

/**
 * Reads what a decoder in the layout of transformers.js takes and gives.
 *
 * @param sizes From `config.json`, where the graph gives names instead of numbers.
 * @throws {VlmError} `unsupported` for a graph without embeddings, logits or a cache of keys and values.
 */
export function describeDecoder(model: OnnxModel, sizes?: CacheSizes): DecoderDescription {
  const { graph } = model;
  const initializers = new Set(graph.initializers.map(({ name }) => name));
  const inputs = new Map(
    graph.inputs.filter(({ name }) => !initializers.has(name)).map((input) => [input.name, input]),
  );
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const embeddings = inputs.get('inputs_embeds');
  const hidden = embeddings?.shape?.at(-1);
  if (embeddings?.type !== 'float32' || typeof hidden !== 'number')
    refuse('it has no float32 input "inputs_embeds" of a known width');
  if (!outputs.has('logits')) refuse('it has no output "logits"');
  const cache = [...inputs.values()].flatMap(({ name, type, shape }): CacheSlot[] => {
    if (!cacheName.test(name)) return [];
    const present = name.replace('past_key_values', 'present');
    if (!outputs.has(present)) refuse(`"${name}" has no output "${present}" to go with it`);
    if (type !== 'float32' && type !== 'float16') refuse(`"${name}" is of type ${type}`);
    const heads = sizeOf(name, shape?.[1], sizes?.keyValueHeads);
    const headSize = sizeOf(name, shape?.[3], sizes?.headSize);
    const prompt = promptCacheInput(name);
    return [
      { past: name, present, prompt: inputs.has(prompt) ? prompt : null, type, heads, headSize },
    ];
  });
  if (cache.length === 0)
    refuse('it has no inputs "past_key_values.N.key": export it with its cache');
  const deepstack = [...inputs.values()].find(({ name }) => name.startsWith('deepstack'));
  const layers = deepstack?.shape?.[0];
  const positions = inputs.get('position_ids')?.shape;
  const planes = positions?.length === 3 ? Number(positions[0]) : positions === undefined ? 0 : 1;
  const known = new Set([
    'inputs_embeds',
    'attention_mask',
    'position_ids',
    'num_logits_to_keep',
    'logit_positions',
    'use_cache_branch',
    deepstack?.name,
  ]);
  return {
    hidden,
    hasMask: inputs.has('attention_mask'),
    planes,
    cache,
    hasLogitCount: inputs.has('num_logits_to_keep'),
    hasLogitPositions: inputs.has('logit_positions'),
    hasBranches: inputs.has('use_cache_branch'),
    deepstack:
      deepstack === undefined
        ? null
        : { name: deepstack.name, layers: typeof layers === 'number' ? layers : 1 },
    isGroupQueryAttention: graph.nodes.some(({ operator }) => operator === 'GroupQueryAttention'),
    parameters: [...inputs.keys()].filter(
      (name) => !known.has(name) && !cacheName.test(name) && !promptCacheName.test(name),
    ),
  };
}

function sizeOf(
  name: string,
  given: number | string | undefined,
  fallback: number | undefined,
): number {
  if (typeof given === 'number') return given;
  return fallback ?? refuse(`"${name}" does not say its sizes; pass those of config.json`);
}

function refuse(problem: string): never {
  throw new VlmError('unsupported', `The decoder cannot be sampled from: ${problem}.`);
}
