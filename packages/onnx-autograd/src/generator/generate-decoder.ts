import { dirname, resolve } from 'node:path';
import type { OnnxModel } from '../codec/model.js';
import { writeModel } from '../codec/write-model.js';
import type { Value } from '../graph/graph-builder.js';
import {
  type DecoderOptions,
  type ResolvedDecoderOptions,
  resolveDecoderOptions,
} from './decoder-options.js';
import { DecoderWriter } from './decoder-writer.js';
import { fusedAttention, fusedNorm, fusedShared, fusedSkipNorm } from './fused-blocks.js';
import { uniformWeights } from './random-weights.js';
import {
  causalPaddingMask,
  gatedFeedForward,
  rawAttention,
  rmsNorm,
  rotaryTables,
} from './raw-blocks.js';
import { fileStore, memoryStore, type WeightStore } from './weight-store.js';

/**
 * A decoder with seeded random weights, in the interface of transformers.js: inputs `inputs_embeds`,
 * `attention_mask`, `position_ids` (not with the fused style and plain rotary positions) and
 * `past_key_values.*`; outputs `logits` and `present.*`.
 *
 * The architecture is that of Qwen2 and Llama: RMS norms, grouped-query attention with rotary positions, a gated
 * feed-forward block. Weights carry their Hugging Face names.
 *
 * @throws {OnnxAutogradError} `invalid-argument` for sizes that do not fit together.
 */
export function generateDecoder(options: DecoderOptions): OnnxModel {
  return write(resolveDecoderOptions(options), memoryStore(), undefined);
}

/**
 * Writes such a decoder to `path` and its weights to `<path>_data`, holding one weight in memory at a time.
 *
 * @returns The model, which refers to the file.
 */
export function writeDecoder(options: DecoderOptions, path: string): OnnxModel {
  const target = resolve(path);
  const resolved = resolveDecoderOptions(options);
  const store = fileStore(`${target}_data`);
  const model = write(resolved, store, dirname(target));
  store.close();
  writeModel(model, target, { weights: 'reference' });
  return model;
}

/** The table that turns token ids into the decoder's `inputs_embeds`. */
export function generateEmbedding(options: DecoderOptions): OnnxModel {
  const resolved = resolveDecoderOptions(options);
  const writer = new DecoderWriter(resolved, memoryStore(), undefined);
  const ids = writer.input('input_ids', 'int64', ['batch_size', 'sequence_length']);
  const name = 'model.embed_tokens.weight';
  const table = writer.weight(
    name,
    [resolved.vocabulary, resolved.hidden],
    uniformWeights(resolved.seed, name, 1),
  );
  const embeddings = writer.ops.gather(table, ids, 0);
  writer.output(embeddings, 'inputs_embeds', ['batch_size', 'sequence_length', resolved.hidden]);
  return writer.build();
}

function write(
  options: ResolvedDecoderOptions,
  store: WeightStore,
  directory: string | undefined,
): OnnxModel {
  const writer = new DecoderWriter(options, store, directory);
  const { layers, hidden, keyValueHeads, headSize, vocabulary, mropeSections, style } = options;
  const embeddings = writer.input('inputs_embeds', 'float32', [
    'batch_size',
    'sequence_length',
    hidden,
  ]);
  const mask = writer.input('attention_mask', 'int64', ['batch_size', 'total_sequence_length']);
  const planes = mropeSections === undefined ? [] : [3];
  if (style === 'raw' || mropeSections !== undefined) {
    writer.input('position_ids', 'int64', [...planes, 'batch_size', 'sequence_length']);
  }
  const pastShape = ['batch_size', keyValueHeads, 'past_sequence_length', headSize];
  for (let layer = 0; layer < layers; layer++) {
    writer.input(`past_key_values.${layer}.key`, 'float32', pastShape);
    writer.input(`past_key_values.${layer}.value`, 'float32', pastShape);
  }
  const last =
    style === 'raw' ? rawLayers(writer, embeddings, mask) : fusedLayers(writer, embeddings, mask);
  const logits = writer.linear(last, 'lm_head', [hidden, vocabulary]);
  writer.output(logits, 'logits', ['batch_size', 'sequence_length', vocabulary]);
  return writer.build();
}

function rawLayers(writer: DecoderWriter, embeddings: Value, attentionMask: Value): Value {
  const { ops, builder, options } = writer;
  const shared = {
    tables: rotaryTables(writer, 'position_ids'),
    mask: causalPaddingMask(writer, embeddings, attentionMask),
  };
  let stream = embeddings;
  for (let layer = 0; layer < options.layers; layer++) {
    const name = `model.layers.${layer}`;
    builder.prefix = `/model/layers.${layer}`;
    const before = rmsNorm(
      writer,
      stream,
      writer.normScale(`${name}.input_layernorm`, options.hidden),
    );
    stream = ops.add(stream, rawAttention(writer, before, layer, shared));
    const between = rmsNorm(
      writer,
      stream,
      writer.normScale(`${name}.post_attention_layernorm`, options.hidden),
    );
    stream = ops.add(stream, gatedFeedForward(writer, between, layer));
  }
  builder.prefix = '';
  return rmsNorm(writer, stream, writer.normScale('model.norm', options.hidden));
}

function fusedLayers(writer: DecoderWriter, embeddings: Value, attentionMask: Value): Value {
  const { builder, options } = writer;
  const shared = fusedShared(writer, attentionMask);
  const scale = (name: string): Value => writer.normScale(name, options.hidden);
  let stream = embeddings;
  let normalized = fusedNorm(writer, stream, scale('model.layers.0.input_layernorm'));
  for (let layer = 0; layer < options.layers; layer++) {
    const name = `model.layers.${layer}`;
    builder.prefix = `/model/layers.${layer}`;
    const attended = fusedAttention(writer, normalized, layer, shared);
    ({ normalized, stream } = fusedSkipNorm(
      writer,
      stream,
      attended,
      scale(`${name}.post_attention_layernorm`),
    ));
    const fed = gatedFeedForward(writer, normalized, layer);
    const isLast = layer === options.layers - 1;
    const next = isLast ? 'model.norm' : `model.layers.${layer + 1}.input_layernorm`;
    ({ normalized, stream } = fusedSkipNorm(writer, stream, fed, scale(next)));
  }
  builder.prefix = '';
  return normalized;
}
