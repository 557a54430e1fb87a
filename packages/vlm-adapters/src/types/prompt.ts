/**
 * Kind of a prompt token. `T`: the tools section, from the blank line before it to the end of the message that
 * holds it. `R`: text of user messages. `I`: image placeholders. `P`: everything else.
 */
export type Block = 'P' | 'R' | 'I' | 'T';

/** A tensor as plain data. */
export interface PlainTensor {
  readonly type: 'float32' | 'int64' | 'bool';
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array | Uint8Array;
}

/** Rows and columns of image features. */
export interface FeatureGrid {
  readonly rows: number;
  readonly columns: number;
}

/** One picture of a prompt, ready for the vision encoder. */
export interface PreparedImage {
  /** Size of the picture as it was given, in pixels. */
  readonly width: number;
  readonly height: number;
  /** Feeds of the vision encoder for this picture alone, by input name; `pixel_values` is among them. */
  readonly feeds: Readonly<Record<string, PlainTensor>>;
  /** Where its placeholder tokens are in the prompt, ascending: row `i` of the features goes to `tokens[i]`. */
  readonly tokens: Int32Array;
  /** Rows and columns in which `tokens` cover the picture, in reading order; `null` where they do not. */
  readonly grid: FeatureGrid | null;
  /** Content hash of the feeds: equal pictures are encoded once. */
  readonly hash: string;
}

/** A picture with what the vision encoder made of it. */
export interface EncodedImage extends PreparedImage {
  /** `[tokens, hidden]`: the rows that stand at the placeholders. */
  readonly features: Float32Array;
  /** `[layers, tokens, hidden]`: what is added after the first text layers (Qwen3-VL), else `null`. */
  readonly deepstack: Float32Array | null;
}

/** A prompt as the model takes it. Plain data: it can be kept, copied between threads and saved. */
export interface EncodedPrompt {
  /** `[tokens]`, placeholders expanded. */
  readonly inputIds: Int32Array;
  /** One array `[tokens]` for each plane: three with mRoPE (time, height, width), else one. */
  readonly positionIds: readonly Int32Array[];
  /** Position of the first token after the prompt, the same in all planes. */
  readonly nextPosition: number;
  /** The prompt as the tokens say it: one placeholder for each image token. */
  readonly text: string;
  /** The prompt as the chat template wrote it, before placeholders are expanded. */
  readonly renderedText: string;
  /** One for each token. */
  readonly blocks: readonly Block[];
  /** `[tokens + 1]`: token `i` is `text.slice(characters[i], characters[i + 1])`; the ranges tile the text. */
  readonly characters: Int32Array;
  /** In the order of their placeholders. */
  readonly images: readonly EncodedImage[];
  /**
   * 1 for each token that a model sampled in an earlier turn, else 0. `logprobs` and `backward` score these
   * as well as the completion, so that a whole episode is one forward pass.
   */
  readonly sampled: Uint8Array;
}

/** A prompt before its pictures have gone through the vision encoder. */
export interface PreparedPrompt extends Omit<EncodedPrompt, 'images'> {
  readonly images: readonly PreparedImage[];
}

/** A prompt and the tokens after it: what is scored and differentiated. */
export interface Sequence<Prompt = EncodedPrompt> {
  readonly prompt: Prompt;
  /** Tokens after the prompt, as sampled. */
  readonly completion: readonly number[];
}
