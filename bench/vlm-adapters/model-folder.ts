import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeModel } from '@iapo/onnx-autograd';
import {
  type DecoderOptions,
  type DecoderShape,
  generateDecoder,
  generateEmbedding,
  generateVisionEncoder,
} from '@iapo/onnx-autograd/generator';

/** Shape M of the benches, with Qwen2.5-VL's biases and three planes of positions: 39 million weights. */
export const shapeM: DecoderShape = {
  layers: 8,
  hidden: 512,
  heads: 8,
  keyValueHeads: 2,
  feedForward: 1408,
  vocabulary: 8192,
};

/** Shape of Qwen2.5-VL-3B's text model. */
export const shape3B: DecoderShape = {
  layers: 36,
  hidden: 2048,
  heads: 16,
  keyValueHeads: 2,
  feedForward: 11008,
  vocabulary: 151936,
};

const fixture = fileURLToPath(new URL('../../fixtures/models/qwen2_5_vl/', import.meta.url));

export const ropeTheta = 1_000_000;

/** What the generator is told: a quarter of the frequencies follow time, the rest rows and columns. */
export function decoderOptions(
  shape: DecoderShape,
  settings: Pick<DecoderOptions, 'style' | 'weights'> = {},
): DecoderOptions {
  const pairs = shape.hidden / shape.heads / 2;
  const time = pairs / 4;
  const space = (pairs - time) / 2;
  return {
    ...shape,
    ...settings,
    qkvBias: true,
    ropeTheta,
    mropeSections: [time, space, space],
  };
}

/**
 * Writes a model folder of Qwen2.5-VL's architecture with random weights, in the layout of transformers.js. Tokenizer,
 * chat template and picture settings are those of the repository's fixture; the vision encoder is a small one.
 */
export function writeModelFolder(
  folder: string,
  shape: DecoderShape,
  settings: Pick<DecoderOptions, 'style' | 'weights'> = {},
): void {
  const onnx = join(folder, 'onnx');
  mkdirSync(onnx, { recursive: true });
  const options = decoderOptions(shape, settings);
  generateDecoder({ ...options, directory: onnx });
  generateEmbedding({ ...options, directory: onnx });
  const vision = { depth: 2, hidden: 64, heads: 2, feedForward: 128 };
  const encoder = generateVisionEncoder({ ...vision, outHidden: shape.hidden });
  writeModel(encoder, join(onnx, 'vision_encoder.onnx'), { weights: 'inline' });
  for (const name of [
    'tokenizer.json',
    'tokenizer_config.json',
    'chat_template.json',
    'preprocessor_config.json',
  ]) {
    copyFileSync(join(fixture, name), join(folder, name));
  }
  const config = JSON.parse(readFileSync(join(fixture, 'config.json'), 'utf8'));
  // No text of the fixture's tokenizer has this token, so samples run to their limit on both sides.
  const neverSpoken = shape.vocabulary - 1;
  Object.assign(config, { tie_word_embeddings: false });
  Object.assign(config.text_config, {
    hidden_size: shape.hidden,
    intermediate_size: shape.feedForward,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.keyValueHeads,
    vocab_size: shape.vocabulary,
    max_position_embeddings: 4096,
    eos_token_id: neverSpoken,
  });
  const external = { 'decoder_model_merged.onnx': 1, 'embed_tokens.onnx': 1 };
  config['transformers.js_config'].use_external_data_format = external;
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config, null, 1));
  const generation = { eos_token_id: neverSpoken, pad_token_id: neverSpoken };
  writeFileSync(join(folder, 'generation_config.json'), JSON.stringify(generation));
}
