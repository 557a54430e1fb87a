import type { TensorLike } from '@iapo/onnx-autograd';
import { seededRandom } from '@iapo/rl-core';
import type { Raster } from '@iapo/vqa-tools';
import { rotaryPositions } from '../data/batch.js';
import { toPatches } from '../data/pixels.js';
import { mergeSize, patchSize } from '../model/architecture.js';
import { floatsOf } from '../model/float-data.js';
import { specialTokens } from '../text/special-tokens.js';
import type { Tokenizer } from '../text/tokenizer.js';
import type { SamplingModel } from './sampling-model.js';

/** A prompt in tokens; placeholders are repeated for each visual token. */
export interface SamplerPrompt {
  readonly ids: readonly number[];
  readonly images: readonly Raster[];
}

export interface SampledTurn {
  /** With the end of the turn, where it was reached. */
  readonly ids: readonly number[];
  readonly text: string;
  readonly isFinished: boolean;
}

export interface SamplerOptions {
  readonly maxTokens: number;
  /** 0 takes the most probable token; 1 is the model's own distribution. */
  readonly temperature: number;
  /** A seed for each prompt; unused at temperature 0. */
  readonly seeds: readonly number[];
}

/**
 * Continues prompts, many at a time. Special tokens are never sampled, but for those that end a turn or stand
 * around a call: a placeholder of a picture would break the next forward.
 */
export class Sampler {
  readonly #model: SamplingModel;
  readonly #tokenizer: Tokenizer;
  readonly #forbidden: readonly number[];

  constructor(model: SamplingModel, tokenizer: Tokenizer) {
    this.#model = model;
    this.#tokenizer = tokenizer;
    const allowed: readonly string[] = ['<|im_end|>', '<tool_call>', '</tool_call>'];
    this.#forbidden = specialTokens
      .filter((token) => !allowed.includes(token))
      .map((token) => tokenizer.idOf(token));
  }

  /** Continues each prompt up to the end of its turn. */
  async sample(prompts: readonly SamplerPrompt[], options: SamplerOptions): Promise<SampledTurn[]> {
    const { maxTokens, temperature, seeds } = options;
    const end = this.#tokenizer.idOf('<|im_end|>');
    const streams = seeds.map((seed) => seededRandom(seed));
    const state = await this.#prefill(prompts);
    const sampled: number[][] = prompts.map(() => []);
    const isOpen = prompts.map(() => true);
    for (let step = 0; step < maxTokens && isOpen.some(Boolean); step++) {
      const chosen = prompts.map((_, row) => {
        if (!isOpen[row]) return end;
        const logits = state.logits.subarray(
          row * this.#tokenizer.size,
          (row + 1) * this.#tokenizer.size,
        );
        for (const id of this.#forbidden) logits[id] = Number.NEGATIVE_INFINITY;
        const id =
          temperature === 0
            ? largest(logits)
            : draw(logits, temperature, streams[row]?.uniform() ?? 0);
        sampled[row]?.push(id);
        if (id === end) isOpen[row] = false;
        return id;
      });
      if (isOpen.some(Boolean)) await this.#step(state, chosen);
    }
    return sampled.map((ids, row) => ({
      ids,
      text: this.#tokenizer.decode(ids.filter((id) => id !== end)),
      isFinished: !isOpen[row],
    }));
  }

  async #prefill(prompts: readonly SamplerPrompt[]): Promise<DecodingState> {
    const { hidden, layers, keyValueHeads, headDim } = this.#model.sizes;
    const batch = prompts.length;
    const length = Math.max(...prompts.map(({ ids }) => ids.length));
    const imageId = this.#tokenizer.idOf('<|image_pad|>');
    const pictures = prompts.flatMap(({ images }) => images);
    const features = await this.#features(pictures);
    const embeddings = new Float32Array(batch * length * hidden);
    const mask = new BigInt64Array(batch * length);
    const positions = new BigInt64Array(3 * batch * length);
    let visual = 0;
    let picture = 0;
    const next = prompts.map(({ ids, images }, row) => {
      const first = pictures[picture];
      picture += images.length;
      const grid = gridOf(first);
      const planes = rotaryPositions(ids, imageId, grid);
      for (const [at, id] of ids.entries()) {
        const values =
          id === imageId
            ? features.subarray(visual * hidden, ++visual * hidden)
            : this.#model.embed(id);
        embeddings.set(values, (row * length + at) * hidden);
        mask[row * length + at] = 1n;
        for (const [plane, numbers] of planes.entries()) {
          positions[(plane * batch + row) * length + at] = BigInt(numbers[at] ?? 0);
        }
      }
      return 1 + Math.max(...planes.map((numbers) => Math.max(...numbers)));
    });
    const past: Record<string, TensorLike> = {};
    for (let layer = 0; layer < layers; layer++) {
      for (const kind of ['key', 'value']) {
        past[`past_key_values.${layer}.${kind}`] = {
          type: 'float32',
          dims: [batch, keyValueHeads, 0, headDim],
          data: new Float32Array(0),
        };
      }
    }
    const state: DecodingState = { logits: new Float32Array(0), mask, past, next, batch, length };
    const logits = await this.#run(state, embeddings, positions);
    const size = this.#tokenizer.size;
    state.logits = new Float32Array(batch * size);
    for (const [row, { ids }] of prompts.entries()) {
      const from = (row * length + ids.length - 1) * size;
      state.logits.set(logits.subarray(from, from + size), row * size);
    }
    return state;
  }

  async #step(state: DecodingState, chosen: readonly number[]): Promise<void> {
    const { hidden } = this.#model.sizes;
    const { batch, length } = state;
    const embeddings = new Float32Array(batch * hidden);
    const mask = new BigInt64Array(batch * (length + 1)).fill(1n);
    const positions = new BigInt64Array(3 * batch);
    for (const [row, id] of chosen.entries()) {
      embeddings.set(this.#model.embed(id), row * hidden);
      mask.set(state.mask.subarray(row * length, (row + 1) * length), row * (length + 1));
      const position = BigInt(state.next[row] ?? 0);
      for (let plane = 0; plane < 3; plane++) positions[plane * batch + row] = position;
      state.next[row] = (state.next[row] ?? 0) + 1;
    }
    state.mask = mask;
    state.length = length + 1;
    state.logits = await this.#run(state, embeddings, positions);
  }

  async #run(
    state: DecodingState,
    embeddings: Float32Array,
    positions: BigInt64Array,
  ): Promise<Float32Array> {
    const { hidden } = this.#model.sizes;
    const { batch } = state;
    const tokens = embeddings.length / hidden / batch;
    const results = await this.#model.runDecoder({
      ...state.past,
      inputs_embeds: { type: 'float32', dims: [batch, tokens, hidden], data: embeddings },
      attention_mask: { type: 'int64', dims: [batch, state.length], data: state.mask },
      position_ids: { type: 'int64', dims: [3, batch, tokens], data: positions },
    });
    for (const [name, tensor] of Object.entries(results)) {
      if (name.startsWith('present.'))
        state.past[name.replace('present', 'past_key_values')] = tensor;
    }
    return floatsOf(results['logits']);
  }

  async #features(pictures: readonly Raster[]): Promise<Float32Array> {
    if (pictures.length === 0) return new Float32Array(0);
    const patched = pictures.map(toPatches);
    const pixels = new Float32Array(patched.reduce((sum, each) => sum + each.pixels.length, 0));
    let at = 0;
    for (const each of patched) {
      pixels.set(each.pixels, at);
      at += each.pixels.length;
    }
    const rows = patched.reduce((sum, { grid }) => sum + grid[1] * grid[2], 0);
    const results = await this.#model.runVision({
      pixel_values: { type: 'float32', dims: [rows, pixels.length / rows], data: pixels },
      image_grid_thw: {
        type: 'int64',
        dims: [patched.length, 3],
        data: BigInt64Array.from(patched.flatMap(({ grid }) => grid.map(BigInt))),
      },
    });
    return floatsOf(results['image_features']);
  }

  async dispose(): Promise<void> {
    await this.#model.dispose();
  }
}

/** What one batch of continuations carries from token to token. */
interface DecodingState {
  /** Of the next token, `[batch, vocabulary]`. */
  logits: Float32Array;
  /** `[batch, length]`: 0 on padding. */
  mask: BigInt64Array;
  length: number;
  readonly past: Record<string, TensorLike>;
  /** Position of the next token of each row. */
  readonly next: number[];
  readonly batch: number;
}

function gridOf(picture: Raster | undefined): { rows: number; columns: number } {
  const side = patchSize * mergeSize;
  return { rows: (picture?.height ?? 0) / side, columns: (picture?.width ?? 0) / side };
}

function largest(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}

/** The token at which the summed probabilities pass the uniform number. */
function draw(logits: Float32Array, temperature: number, uniform: number): number {
  const highest = logits[largest(logits)]!;
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - highest) / temperature));
  let rest = uniform * weights.reduce((sum, weight) => sum + weight, 0);
  let last = 0;
  for (let id = 0; id < weights.length; id++) {
    if (weights[id] === 0) continue;
    last = id;
    rest -= weights[id]!;
    if (rest < 0) break;
  }
  return last;
}
