import type { TensorLike } from '@iapo/onnx-autograd';
import { inRuntime } from '../engine/runtime-errors.js';
import { VlmError } from '../errors.js';
import { fromHalf } from '../lora/float-formats.js';
import { type BatchCache, type PromptCache, promptCache } from './batch-cache.js';
import { emptyCache } from './cache-tensor.js';
import type { DecodePrompt, DecoderSession } from './decode-options.js';
import type { DecoderDescription } from './decoder-description.js';

/** One token of each row, on its cache. */
export interface Step {
  /** `[rows, hidden]` */
  readonly embeddings: Float32Array;
  /** Position of each row's token, in all planes. */
  readonly positions: readonly number[];
  readonly cache: BatchCache;
}

/** Logits `[rows, vocabulary]`. */
export interface Logits {
  readonly data: ArrayLike<number> & { subarray(start: number, end: number): ArrayLike<number> };
  readonly vocabulary: number;
}

/** Runs a decoder: whole prompts, and single steps of batches. */
export class DecoderRuns {
  readonly #session: DecoderSession;
  readonly #description: DecoderDescription;
  #parameters: Record<string, TensorLike>;

  constructor(
    session: DecoderSession,
    description: DecoderDescription,
    parameters: Readonly<Record<string, TensorLike>>,
  ) {
    this.#session = session;
    this.#description = description;
    const missing = description.parameters.filter((name) => parameters[name] === undefined);
    if (missing.length > 0) {
      throw new VlmError(
        'invalid-argument',
        `The decoder has inputs that \`parameters\` does not give: ${missing.join(', ')}.`,
      );
    }
    // Copies, which can be lent to a session's thread while the caller keeps its own.
    this.#parameters = Object.fromEntries(
      description.parameters.map((name) => [name, ownCopy(parameters[name] as TensorLike)]),
    );
  }

  /** Reads a prompt. Gives the logits after its last token, and its cache. */
  async prefill(prompt: DecodePrompt): Promise<{ logits: Logits; cache: PromptCache }> {
    const { hidden, cache: slots, planes, deepstack } = this.#description;
    const tokens = prompt.inputsEmbeds.length / hidden;
    // A graph that takes prompts apart is given one masked place for a prompt of no tokens.
    const isSplit = slots.some((slot) => slot.prompt !== null);
    const before = isSplit ? 1 : 0;
    const mask = new BigInt64Array(before + tokens).fill(1n, before);
    const feeds: Record<string, TensorLike> = {
      inputs_embeds: float32([1, tokens, hidden], prompt.inputsEmbeds),
      attention_mask: { type: 'int64', dims: [1, mask.length], data: mask },
      position_ids: int64(
        planes > 1 ? [planes, 1, tokens] : [1, tokens],
        prompt.positions.flatMap((plane) => Array.from(plane)),
      ),
      use_cache_branch: { type: 'bool', dims: [1], data: Uint8Array.of(0) },
      num_logits_to_keep: int64([], [this.#description.hasLogitPositions ? 0 : 1]),
      logit_positions: int64([1, 2], [0, tokens - 1]),
    };
    for (const { past, prompt: promptInput, type, heads, headSize } of slots) {
      feeds[past] = emptyCache(type, 1, heads, headSize);
      if (promptInput !== null) {
        const data =
          type === 'float16'
            ? new Uint16Array(heads * headSize)
            : new Float32Array(heads * headSize);
        feeds[promptInput] = { type, dims: [1, heads, 1, headSize], data };
      }
    }
    if (deepstack !== null) {
      const data = prompt.deepstack ?? new Float32Array(deepstack.layers * tokens * hidden);
      const dims = [data.length / (tokens * hidden), 1, tokens, hidden];
      feeds[deepstack.name] = float32(dims, data);
    }
    const outputs = await this.#run(feeds, []);
    return { logits: readLogits(outputs, 1), cache: promptCache(slots, outputs, tokens) };
  }

  /** One step; the cache takes what it gives. */
  async step({ embeddings, positions, cache }: Step): Promise<Logits> {
    const { hidden, planes, deepstack } = this.#description;
    const rows = positions.length;
    const feeds: Record<string, TensorLike> = {
      ...cache.feeds(),
      inputs_embeds: float32([rows, 1, hidden], embeddings),
      position_ids: int64(
        planes > 1 ? [planes, rows, 1] : [rows, 1],
        Array.from({ length: Math.max(1, planes) }, () => positions).flat(),
      ),
      use_cache_branch: { type: 'bool', dims: [1], data: Uint8Array.of(1) },
      num_logits_to_keep: int64([], [this.#description.hasLogitPositions ? 0 : 1]),
      logit_positions: int64(
        [rows, 2],
        positions.flatMap((_, row) => [row, 0]),
      ),
    };
    if (deepstack !== null) {
      const { name, layers } = deepstack;
      feeds[name] = float32([layers, rows, 1, hidden], new Float32Array(layers * rows * hidden));
    }
    const outputs = await this.#run(feeds, cache.lent);
    cache.advance(outputs);
    return readLogits(outputs, rows);
  }

  async #run(
    known: Readonly<Record<string, TensorLike>>,
    lent: readonly string[],
  ): Promise<Readonly<Record<string, TensorLike>>> {
    const { hasMask, planes, hasLogitCount, hasLogitPositions, hasBranches } = this.#description;
    const absent: Readonly<Record<string, boolean>> = {
      attention_mask: !hasMask,
      position_ids: planes === 0,
      num_logits_to_keep: !hasLogitCount,
      logit_positions: !hasLogitPositions,
      use_cache_branch: !hasBranches,
    };
    const feeds = {
      ...Object.fromEntries(Object.entries(known).filter(([name]) => absent[name] !== true)),
      ...this.#parameters,
    };
    const parameters = Object.keys(this.#parameters);
    const outputs = await inRuntime('The decoder', () =>
      this.#session.run(feeds, { lend: [...lent, ...parameters] }),
    );
    for (const name of parameters) {
      const parameter = outputs[name];
      if (parameter !== undefined) this.#parameters[name] = parameter;
    }
    return outputs;
  }
}

/** The last rows of the output `logits`, single precision. */
function readLogits(outputs: Readonly<Record<string, TensorLike>>, rows: number): Logits {
  const { logits } = outputs;
  const vocabulary = logits?.dims.at(-1) ?? 0;
  const { data } = logits ?? {};
  if (data instanceof Float32Array)
    return { data: data.subarray(data.length - rows * vocabulary), vocabulary };
  if (data instanceof Uint16Array)
    return {
      data: Float32Array.from(data.subarray(data.length - rows * vocabulary), fromHalf),
      vocabulary,
    };
  // Nodes that have Float16Array get halves in one; its numbers need no conversion.
  if (ArrayBuffer.isView(data) && logits?.type === 'float16') {
    const halves = data as Float32Array;
    return { data: halves.subarray(halves.length - rows * vocabulary), vocabulary };
  }
  throw new VlmError('model-file', 'The decoder gives no output "logits" of numbers.');
}

/** A copy in memory of its own. */
function ownCopy(tensor: TensorLike): TensorLike {
  return ArrayBuffer.isView(tensor.data)
    ? { ...tensor, data: structuredCopy(tensor.data) }
    : tensor;
}

function structuredCopy(data: ArrayBufferView): unknown {
  return (data as Uint8Array).slice();
}

const float32 = (dims: readonly number[], data: Float32Array): TensorLike => ({
  type: 'float32',
  dims,
  data,
});

const int64 = (dims: readonly number[], values: readonly number[]): TensorLike => ({
  type: 'int64',
  dims,
  data: BigInt64Array.from(values, BigInt),
});
