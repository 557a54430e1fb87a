import { z } from 'zod';
import { VlmError } from '../errors.js';
import { type JsonObject, parseSettings } from './model-files.js';

/** What is needed of `config.json` and `generation_config.json`, whatever the family calls it. */
export interface ModelConfig {
  readonly modelType: string;
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly layers: number;
  readonly attentionHeads: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
  /** Longest context, in tokens. */
  readonly maxPositions: number;
  /** The token at whose places the rows of image features stand. */
  readonly imageTokenId: number;
  /** Tokens that end the assistant's turn. */
  readonly eosTokenIds: readonly number[];
  readonly padTokenId: number | null;
  /** `config.json` as it is. */
  readonly raw: JsonObject;
  /** `generation_config.json` as it is; empty if there is none. */
  readonly generation: JsonObject;
}

const size = z.number().int().positive();
const tokenId = z.number().int().nonnegative();

const textSchema = z.object({
  hidden_size: size,
  vocab_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  max_position_embeddings: size,
  eos_token_id: z.union([tokenId, z.array(tokenId)]).nullish(),
  pad_token_id: tokenId.nullish(),
});

const outerSchema = z.object({
  model_type: z.string(),
  image_token_id: tokenId.nullish(),
  image_token_index: tokenId.nullish(),
  eos_token_id: z.union([tokenId, z.array(tokenId)]).nullish(),
  pad_token_id: tokenId.nullish(),
});

const generationSchema = outerSchema.pick({ eos_token_id: true, pad_token_id: true });

/**
 * Reads the model's configuration. Text settings stand in `text_config` or, in older files, at the top.
 *
 * @throws {VlmError} `model-file` if something that is needed is missing or of another type.
 */
export function readModelConfig(config: JsonObject, generation: JsonObject | null): ModelConfig {
  const outer = parseSettings(outerSchema, config, 'config.json');
  const inner = { ...config, ...textConfig(config) };
  const text = parseSettings(textSchema, inner, 'config.json (text model)');
  const chosen = parseSettings(generationSchema, generation ?? {}, 'generation_config.json');
  const imageTokenId = outer.image_token_id ?? outer.image_token_index;
  if (imageTokenId === null || imageTokenId === undefined)
    throw new VlmError('model-file', 'config.json names no image token ("image_token_id").');
  const eos = chosen.eos_token_id ?? outer.eos_token_id ?? text.eos_token_id ?? [];
  return {
    modelType: outer.model_type,
    hiddenSize: text.hidden_size,
    vocabSize: text.vocab_size,
    layers: text.num_hidden_layers,
    attentionHeads: text.num_attention_heads,
    keyValueHeads: text.num_key_value_heads ?? text.num_attention_heads,
    headSize: text.head_dim ?? text.hidden_size / text.num_attention_heads,
    maxPositions: text.max_position_embeddings,
    imageTokenId,
    eosTokenIds: typeof eos === 'number' ? [eos] : eos,
    padTokenId: chosen.pad_token_id ?? outer.pad_token_id ?? text.pad_token_id ?? null,
    raw: config,
    generation: generation ?? {},
  };
}

function textConfig(config: JsonObject): JsonObject {
  const text = config['text_config'];
  return typeof text === 'object' && text !== null ? Object.fromEntries(Object.entries(text)) : {};
}
