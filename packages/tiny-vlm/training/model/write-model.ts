import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type OnnxModel, writeModel } from '@iapo/onnx-autograd';
import {
  generateDecoder,
  generateEmbedding,
  generateVisionEncoder,
} from '@iapo/onnx-autograd/generator';
import { pixelDeviation, pixelMean } from '../data/pixels.js';
import { chatTemplate } from '../text/chat-template.js';
import { skippedTokens, specialTokens } from '../text/special-tokens.js';
import type { Tokenizer } from '../text/tokenizer.js';
import {
  type Architecture,
  decoderOptions,
  maximumPositions,
  mergeSize,
  mropeSectionsOf,
  patchSize,
  ropeTheta,
  temporalPatchSize,
  visionOptions,
  visionRopeTheta,
  windowSize,
} from './architecture.js';
import { type Weights, weightSource } from './weights.js';

/** The three graphs of a model. */
export interface ModelGraphs {
  readonly embed_tokens: OnnxModel;
  readonly vision_encoder: OnnxModel;
  readonly decoder_model_merged: OnnxModel;
}

/** The graphs that are shipped, with these weights in them. */
export function makeGraphs(
  architecture: Architecture,
  vocabulary: number,
  weights: Weights,
): ModelGraphs {
  const source = weightSource(weights);
  const text = { ...decoderOptions(architecture, vocabulary), source };
  return {
    embed_tokens: generateEmbedding(text),
    vision_encoder: generateVisionEncoder({ ...visionOptions(architecture), source }),
    decoder_model_merged: generateDecoder(text),
  };
}

/** Writes a model's folder in the layout of transformers.js, as a 3B model has it. */
export function writeModelFolder(
  folder: string,
  architecture: Architecture,
  { tokenizer, weights }: { readonly tokenizer: Tokenizer; readonly weights: Weights },
): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'onnx'), { recursive: true });
  const graphs = makeGraphs(architecture, tokenizer.size, weights);
  for (const [name, graph] of Object.entries(graphs)) {
    writeModel(graph, join(folder, 'onnx', `${name}.onnx`), { weights: 'inline' });
  }
  const files = {
    'config.json': modelConfig(architecture, tokenizer),
    'generation_config.json': {
      bos_token_id: tokenizer.idOf('<|endoftext|>'),
      pad_token_id: tokenizer.idOf('<|endoftext|>'),
      eos_token_id: [tokenizer.idOf('<|im_end|>'), tokenizer.idOf('<|endoftext|>')],
      do_sample: false,
    },
    'preprocessor_config.json': preprocessorConfig(),
    'tokenizer.json': tokenizer.toJson(),
    'tokenizer_config.json': tokenizerConfig(tokenizer),
    'chat_template.json': { chat_template: chatTemplate },
  };
  for (const [name, value] of Object.entries(files)) {
    writeFileSync(join(folder, name), `${JSON.stringify(value, null, 1)}\n`);
  }
}

function modelConfig(architecture: Architecture, tokenizer: Tokenizer): unknown {
  const { hidden, layers, heads, keyValueHeads, feedForward, vision } = architecture;
  const mrope_section = mropeSectionsOf(architecture);
  return {
    architectures: ['Qwen2_5_VLForConditionalGeneration'],
    model_type: 'qwen2_5_vl',
    dtype: 'float32',
    tie_word_embeddings: true,
    image_token_id: tokenizer.idOf('<|image_pad|>'),
    video_token_id: tokenizer.idOf('<|video_pad|>'),
    vision_start_token_id: tokenizer.idOf('<|vision_start|>'),
    vision_end_token_id: tokenizer.idOf('<|vision_end|>'),
    text_config: {
      model_type: 'qwen2_5_vl_text',
      vocab_size: tokenizer.size,
      hidden_size: hidden,
      intermediate_size: feedForward,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      num_key_value_heads: keyValueHeads,
      hidden_act: 'silu',
      max_position_embeddings: maximumPositions,
      rms_norm_eps: 1e-6,
      rope_theta: ropeTheta,
      rope_scaling: { type: 'mrope', rope_type: 'default', mrope_section },
      rope_parameters: { rope_type: 'default', rope_theta: ropeTheta, mrope_section },
      bos_token_id: tokenizer.idOf('<|endoftext|>'),
      eos_token_id: tokenizer.idOf('<|im_end|>'),
      use_sliding_window: false,
      use_cache: true,
    },
    vision_config: {
      model_type: 'qwen2_5_vl_vision',
      depth: vision.depth,
      hidden_size: vision.hidden,
      intermediate_size: vision.feedForward,
      num_heads: vision.heads,
      out_hidden_size: hidden,
      hidden_act: 'silu',
      in_channels: 3,
      patch_size: patchSize,
      spatial_merge_size: mergeSize,
      temporal_patch_size: temporalPatchSize,
      tokens_per_second: 2,
      window_size: windowSize,
      fullatt_block_indexes: vision.fullAttentionBlocks,
      rope_parameters: { rope_type: 'axial', rope_theta: visionRopeTheta },
    },
    'transformers.js_config': {
      dtype: { embed_tokens: 'fp32', vision_encoder: 'fp32', decoder_model_merged: 'fp32' },
    },
  };
}

/** Pictures from 64×64 to 128×128 pixels; larger ones are made smaller. */
function preprocessorConfig(): unknown {
  const [minimum, maximum] = [64 * 64, 128 * 128];
  const perChannel = (value: number): number[] => [value, value, value];
  return {
    image_processor_type: 'Qwen2VLImageProcessor',
    processor_class: 'Qwen2_5_VLProcessor',
    min_pixels: minimum,
    max_pixels: maximum,
    size: { shortest_edge: minimum, longest_edge: maximum },
    patch_size: patchSize,
    temporal_patch_size: temporalPatchSize,
    merge_size: mergeSize,
    do_convert_rgb: true,
    do_resize: true,
    do_rescale: true,
    do_normalize: true,
    rescale_factor: 1 / 255,
    resample: 3,
    image_mean: perChannel(pixelMean),
    image_std: perChannel(pixelDeviation),
  };
}

function tokenizerConfig(tokenizer: Tokenizer): unknown {
  const addedTokens = specialTokens.map((content, index) => [
    tokenizer.idOf(content),
    {
      content,
      lstrip: false,
      rstrip: false,
      normalized: false,
      single_word: false,
      special: index < skippedTokens,
    },
  ]);
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    added_tokens_decoder: Object.fromEntries(addedTokens),
    additional_special_tokens: specialTokens.slice(1, skippedTokens),
    bos_token: null,
    eos_token: '<|im_end|>',
    pad_token: '<|endoftext|>',
    unk_token: null,
    model_max_length: maximumPositions,
    clean_up_tokenization_spaces: false,
    chat_template: chatTemplate,
  };
}
