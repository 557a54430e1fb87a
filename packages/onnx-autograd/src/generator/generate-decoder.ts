import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { OnnxModel } from '../codec/model.js';
import { writeModel } from '../codec/write-model.js';
import type { Value } from '../graph/graph-builder.js';
import {
  type DecoderOptions,
  type ResolvedDecoderOptions,
  resolveDecoderOptions,
} from './decoder-options.js';
import { fusedAttention, fusedNorm, fusedShared, fusedSkipNorm } from './fused-blocks.js';
import { ModelWriter } from './model-writer.js';
import {
  causalPaddingMask,
  gatedFeedForward,
  rawAttention,
  rmsNorm,
  rotaryTables,
} from './raw-blocks.js';
import { fileStore, memoryStore, type WeightStore } from './weight-store.js';

const embeddingWeight = 'model.embed_tokens.weight';

/**
 * Writes a decoder-only language model with seeded random weights, in the interface of transformers.js.
 *
 * Inputs: `inputs_embeds` `[batch, sequence, hidden]`; `attention_mask` int64 `[batch, total]`;
 * `position_ids` int64 `[batch, sequence]`, `[3, batch, sequence]` with mRoPE, and absent where
 * GroupQueryAttention counts positions itself; `past_key_values.<layer>.key` and `.value`
 * `[batch, kv heads, past, head size]`. Outputs: `logits` `[batch, sequence, vocabulary]` and
 * `present.<layer>.key` and `.value`.
 *
 * The architecture is that of Qwen2, Llama and the text part of Qwen2.5-VL: RMS norms, grouped-query attention
 * with rotary positions, a gated feed-forward block. Initializers carry Hugging Face names, such as
 * `model.layers.0.self_attn.q_proj.weight` (`_Q4` and `_scales` after it with 4 bits).
 *
 * With `directory`, the model is written to `decoder_model_merged.onnx` there and refers to its files.
 *
 * @throws {OnnxAutogradError} `invalid-argument` for sizes that do not fit together.
 * @example
 * const model = generateDecoder({
 *   layers: 8, hidden: 512, heads: 8, keyValueHeads: 2, feedForward: 1408, vocabulary: 8192,
 *   style: 'group-query-attention', weights: 'q4', directory: 'model/onnx',
 * });
 */
export function generateDecoder(options: DecoderOptions): OnnxModel {
  const resolved = resolveDecoderOptions(options);
  return intoStore('decoder_model_merged', resolved.directory, (store) =>
    writeDecoder(resolved, store).build(),
  );
}

/**
 * Writes the table that turns token ids into `inputs_embeds`: input `input_ids` int64 `[batch, sequence]`.
 *
 * With `directory`, the model is written to `embed_tokens.onnx` there and refers to its files.
 */
export function generateEmbedding(options: DecoderOptions): OnnxModel {
  const { source, vocabulary, hidden, directory } = resolveDecoderOptions(options);
  return intoStore('embed_tokens', directory, (store) => {
    const writer = new ModelWriter({ source, store, directory });
    const ids = writer.input('input_ids', 'int64', ['batch_size', 'sequence_length']);
    const table = writer.parameter(embeddingWeight, [vocabulary, hidden]);
    writer.builder.emit('Gather', [table, ids], {
      name: '/model/embed_tokens/Gather',
      outputs: ['inputs_embeds'],
    });
    writer.output('inputs_embeds', ['batch_size', 'sequence_length', hidden]);
    return writer.build();
  });
}

/** Makes a model with its weights in memory, or in a file of the directory. */
function intoStore(
  name: string,
  directory: string | undefined,
  write: (store: WeightStore) => OnnxModel,
): OnnxModel {
  if (directory === undefined) return write(memoryStore());
  mkdirSync(directory, { recursive: true });
  const path = join(resolve(directory), `${name}.onnx`);
  const store = fileStore(`${path}_data`);
  try {
    const model = write(store);
    store.close();
    writeModel(model, path, { weights: 'reference' });
    return model;
  } catch (error) {
    store.abandon();
    throw error;
  }
}

/** Writes the graph and hands its weights to the store. */
export function writeDecoder(options: ResolvedDecoderOptions, store: WeightStore): ModelWriter {
  const { layers, hidden, keyValueHeads, headDim, vocabulary, mropeSections, style } = options;
  const isRaw = style === 'raw';
  const { source, weights, blockSize, directory, tied } = options;
  const writer = new ModelWriter({
    source,
    store,
    weights,
    blockSize,
    naming: isRaw ? 'torch' : 'genai',
    // What the exporters write: torch.onnx 18, onnxruntime-genai 21 and newer.
    opset: isRaw ? 18 : 21,
    directory: directory === undefined ? undefined : resolve(directory),
  });
  const embeddings = writer.input('inputs_embeds', 'float32', [
    'batch_size',
    'sequence_length',
    hidden,
  ]);
  const mask = writer.input('attention_mask', 'int64', ['batch_size', 'total_sequence_length']);
  if (isRaw || mropeSections !== undefined) {
    const planes = mropeSections === undefined ? [] : [mropeSections.length];
    writer.input('position_ids', 'int64', [...planes, 'batch_size', 'sequence_length']);
  }
  const cacheShape = (length: string): (number | string)[] => [
    'batch_size',
    keyValueHeads,
    length,
    headDim,
  ];
  const caches = Array.from({ length: layers }, (_, layer) =>
    ['key', 'value'].map((kind) => `${layer}.${kind}`),
  ).flat();
  for (const name of caches) {
    writer.input(`past_key_values.${name}`, 'float32', cacheShape('past_sequence_length'));
  }
  const last = (isRaw ? rawLayers : fusedLayers)(writer, options, embeddings, mask);
  writer.linear(last, 'lm_head', {
    inFeatures: hidden,
    outFeatures: vocabulary,
    output: 'logits',
    ...(tied ? { weightName: embeddingWeight } : {}),
  });
  writer.output('logits', ['batch_size', 'sequence_length', vocabulary]);
  for (const name of caches) writer.output(`present.${name}`, cacheShape('total_sequence_length'));
  return writer;
}

function rawLayers(
  writer: ModelWriter,
  options: ResolvedDecoderOptions,
  embeddings: Value,
  attentionMask: Value,
): Value {
  const norm = { size: options.hidden, epsilon: options.rmsNormEpsilon };
  const attention = writer.within('/model', () => ({
    ...options,
    tables: rotaryTables(writer, 'position_ids', options),
    mask: causalPaddingMask(writer, embeddings, attentionMask),
  }));
  let stream = embeddings;
  for (let layer = 0; layer < options.layers; layer++) {
    const name = `model.layers.${layer}`;
    const before = rmsNorm(writer, stream, `${name}.input_layernorm`, norm);
    const attended = rawAttention(writer, before, layer, attention);
    stream = writer.inModule(name, () => writer.ops.add(stream, attended));
    const between = rmsNorm(writer, stream, `${name}.post_attention_layernorm`, norm);
    const fed = gatedFeedForward(writer, between, `${name}.mlp`, options);
    stream = writer.inModule(name, () => writer.ops.add(stream, fed));
  }
  return rmsNorm(writer, stream, 'model.norm', norm);
}

function fusedLayers(
  writer: ModelWriter,
  options: ResolvedDecoderOptions,
  embeddings: Value,
  attentionMask: Value,
): Value {
  const norm = { size: options.hidden, epsilon: options.rmsNormEpsilon };
  const shared = fusedShared(writer, attentionMask, options);
  const attention = { ...options, shared, positions: 'position_ids' };
  let stream = embeddings;
  let normalized = fusedNorm(writer, stream, 'model.layers.0.input_layernorm', norm);
  for (let layer = 0; layer < options.layers; layer++) {
    const name = `model.layers.${layer}`;
    const attended = fusedAttention(writer, normalized, layer, attention);
    const between = `${name}.post_attention_layernorm`;
    ({ normalized, stream } = fusedSkipNorm(writer, { stream, added: attended }, between, norm));
    const fed = gatedFeedForward(writer, normalized, `${name}.mlp`, options);
    const isLast = layer === options.layers - 1;
    const next = isLast ? 'model.norm' : `model.layers.${layer + 1}.input_layernorm`;
    ({ normalized, stream } = fusedSkipNorm(writer, { stream, added: fed }, next, norm));
  }
  return normalized;
}
