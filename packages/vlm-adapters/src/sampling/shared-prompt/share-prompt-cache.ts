import { keepOutputs, type OnnxModel, type ValueInfo } from '@iapo/onnx-autograd';
import { type CacheSizes, describeDecoder, promptCacheInput } from '../decoder-description.js';
import { splitCachedProduct } from './cached-attention.js';
import { Constants } from './constants.js';
import { splitGroupQueryAttention } from './fused-attention.js';
import { GraphEdit, UnknownForm } from './graph-edit.js';

/**
 * A decoder that takes its cache in two parts: inputs `prompt_key_values.N.key` hold what prompts have left,
 * `[1 or batch, heads, length, headSize]`, and `past_key_values.N.key` what has grown since; `present.N.key` is the
 * grown part with the new tokens. `attention_mask` covers both, the prompts' part first.
 *
 * ONNX Runtime copies every output of a run, so a cache that is fed back whole is copied at each step, for each row.
 * Here only what has grown is; and the samples of a prompt read its keys from one place.
 *
 * @returns `null` if the attention is written in a form that is not known; the graph can be used as it is.
 */
export function sharePromptCache(model: OnnxModel, sizes?: CacheSizes): OnnxModel | null {
  try {
    return split(model, sizes);
  } catch (error) {
    if (error instanceof UnknownForm) return null;
    throw error;
  }
}

function split(model: OnnxModel, sizes: CacheSizes | undefined): OnnxModel {
  const { graph } = model;
  const { cache, hasMask } = describeDecoder(model, sizes);
  if (!hasMask) throw new UnknownForm('no attention_mask to tell padding');
  const edit = new GraphEdit(model);
  const constants = new Constants(model);
  const masks = new Map<number, string>();
  const done = new Set<string>();
  for (const slot of cache) {
    if (done.has(slot.past)) continue;
    const producer = edit.producer(slot.present);
    const isKey = slot.past.endsWith('.key');
    if (producer?.operator !== 'GroupQueryAttention') {
      splitCachedProduct(edit, constants, slot, isKey ? 'key' : 'value');
      continue;
    }
    const find = (place: number) => cache.find(({ past }) => past === producer.inputs[place]);
    const [key, value] = [find(3), find(4)];
    if (key === undefined || value === undefined)
      throw new UnknownForm(`${producer.name} has a past of another name`);
    const isOwn = producer.outputs[1] === key.present && producer.outputs[2] === value.present;
    const isRead = [key, value].some(({ past, present }) =>
      [past, present].some((name) => edit.consumers(name).some((node) => node !== producer)),
    );
    if (!isOwn || isRead) throw new UnknownForm(`caches of ${producer.name} are used elsewhere`);
    splitGroupQueryAttention(edit, constants, { node: producer, key, value }, masks);
    done.add(key.past).add(value.past);
  }
  const slots = new Map(
    cache.flatMap((slot) => [[slot.past, slot] as const, [slot.present, slot] as const]),
  );
  // Names of sizes say which tensors are of one size, and memory is planned by them: each part has its own.
  const grown = (value: ValueInfo, length: string): ValueInfo => {
    const slot = slots.get(value.name);
    if (slot === undefined) return value;
    const shape = ['batch_size', slot.heads, length, slot.headSize];
    return { ...value, shape, encodedType: undefined };
  };
  const prompts = cache.map(
    ({ past, type, heads, headSize }): ValueInfo => ({
      name: promptCacheInput(past),
      type,
      shape: ['prompt_rows', heads, 'prompt_length', headSize],
      encodedType: undefined,
      other: [],
    }),
  );
  const changed: OnnxModel = {
    ...model,
    graph: {
      ...graph,
      nodes: edit.nodes(),
      inputs: [...graph.inputs.map((input) => grown(input, 'grown_length')), ...prompts],
      outputs: graph.outputs.map((output) => grown(output, 'grown_and_new_length')),
      valueInfo: [],
    },
  };
  const needed = keepOutputs(
    changed,
    graph.outputs.map(({ name }) => name),
  );
  const lost = prompts.find(
    ({ name }) => !needed.graph.inputs.some((input) => input.name === name),
  );
  if (lost !== undefined) throw new UnknownForm(`nothing reads ${lost.name}`);
  return needed;
}
