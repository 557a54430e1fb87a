import type { TensorLike } from '@iapo/onnx-autograd';
import type { FinishReason } from '../types/model.js';
import type { StreamKey } from './random-stream.js';
import type { SamplingSettings } from './sampling-settings.js';

/** A session of a merged decoder: `Session` of onnx-autograd, or what runs like it. */
export interface DecoderSession {
  run(
    feeds: Readonly<Record<string, TensorLike>>,
    options?: { readonly lend?: readonly string[] },
  ): Promise<Readonly<Record<string, TensorLike>>>;
}

/** A prompt as the decoder takes it, and the rows that go on from it. */
export interface DecodePrompt {
  /** `[tokens, hidden]`, features of pictures in their places. */
  readonly inputsEmbeds: Float32Array;
  /** One array `[tokens]` a plane. */
  readonly positions: readonly ArrayLike<number>[];
  /** Position of the first new token, the same in all planes. */
  readonly nextPosition: number;
  /** `[layers, tokens, hidden]`: added after the first layers; `null` if the model or the prompt has none. */
  readonly deepstack: Float32Array | null;
  /** `[tokens]`: what the repetition penalty has seen. */
  readonly tokenIds: Iterable<number>;
  /** One row for each stream. */
  readonly streams: readonly StreamKey[];
}

export interface DecodeOptions {
  readonly settings: SamplingSettings;
  /** Tokens of one row at most, from 1. */
  readonly maxNewTokens: number;
  /** Rows of embeddings `[ids, hidden]`. */
  readonly embed: (ids: readonly number[]) => Promise<Float32Array> | Float32Array;
  /** Tokens that end a row; the token is the row's last one. */
  readonly stopTokens?: readonly number[];
  /** Texts that end a row, with the token that completes them. */
  readonly stopStrings?: readonly string[];
  /** Text of tokens; needed with `stopStrings`. */
  readonly decodeText?: (ids: readonly number[]) => string;
  /** Feeds for the graph's other inputs, such as an adapter's matrices. */
  readonly parameters?: Readonly<Record<string, TensorLike>>;
  /** Rows that are run at once, from 2. Default 32; results do not depend on it. */
  readonly maximumBatch?: number;
  /** Further sessions of the same graph: batches run in all of them side by side; results do not depend on it. */
  readonly moreSessions?: readonly DecoderSession[];
  /** Called for each token: batch by batch in each session, in the order of steps, then rows. */
  readonly onToken?: (event: {
    readonly prompt: number;
    readonly sample: number;
    readonly tokenId: number;
  }) => void;
  /** Checked before each run of the graph. */
  readonly signal?: AbortSignal | undefined;
}

/** What one row became. */
export interface DecodedRow {
  /** The token that ended it included. */
  readonly tokenIds: readonly number[];
  /** `[tokens]`, nats, under the distribution that was drawn from. */
  readonly logprobs: readonly number[];
  /** `[tokens]`, nats, under the model's own. */
  readonly modelLogprobs: readonly number[];
  readonly finishReason: Exclude<FinishReason, 'abort'>;
}
