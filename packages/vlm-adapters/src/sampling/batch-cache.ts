import type { TensorLike } from '@iapo/onnx-autograd';
import { type CacheTensor, cacheOutput, emptyCache, padLeft, pickRows } from './cache-tensor.js';
import type { CacheSlot, DecoderDescription } from './decoder-description.js';

/** A prompt's keys and values by name of the past, `[1, heads, tokens, headSize]` each. */
export interface PromptCache {
  readonly tokens: number;
  readonly tensors: ReadonlyMap<string, CacheTensor>;
}

/** Keys and values of the rows of a batch while they grow. */
export interface BatchCache {
  /** Feeds for one more token of each row: caches and the mask. */
  feeds(): Record<string, TensorLike>;
  /** Feeds that may be handed to the session's thread; they come back with its outputs. */
  readonly lent: readonly string[];
  /** Takes what a run gave. */
  advance(outputs: Readonly<Record<string, TensorLike>>): void;
  /** Keeps some rows, in this order. */
  keep(rows: readonly number[]): void;
}

/** The caches of a prompt out of the run that read it. */
export function promptCache(
  slots: readonly CacheSlot[],
  outputs: Readonly<Record<string, TensorLike>>,
  tokens: number,
): PromptCache {
  return {
    tokens,
    tensors: new Map(slots.map(({ past, present }) => [past, cacheOutput(outputs, present)])),
  };
}

/**
 * The cache as exported decoders have it: each row holds the prompt's part too, and everything is copied at each step.
 * All rows are of one prompt.
 */
export class WholeCache implements BatchCache {
  readonly lent: readonly string[];
  readonly #slots: readonly CacheSlot[];
  #tensors: Map<string, CacheTensor>;

  constructor({ cache }: DecoderDescription, prompt: PromptCache, rows: number) {
    this.#slots = cache;
    this.lent = cache.map(({ past }) => past);
    const copies = Array.from({ length: rows }, () => 0);
    this.#tensors = new Map(
      [...prompt.tensors].map(([name, tensor]) => [name, pickRows(tensor, copies)]),
    );
  }

  feeds(): Record<string, TensorLike> {
    const [first] = this.#tensors.values();
    const [rows = 0, , length = 0] = first?.dims ?? [];
    return {
      ...Object.fromEntries(this.#tensors),
      attention_mask: ones(rows, length + 1),
    };
  }

  advance(outputs: Readonly<Record<string, TensorLike>>): void {
    for (const { past, present } of this.#slots)
      this.#tensors.set(past, cacheOutput(outputs, present));
  }

  keep(rows: readonly number[]): void {
    for (const [name, tensor] of this.#tensors) this.#tensors.set(name, pickRows(tensor, rows));
  }
}

/**
 * Prompts' parts of padded caches begin at multiples of this many tokens. Every sum over a row then has its terms in
 * the same places modulo the widths of vectors and blocks, whatever the longest prompt of the batch is, and the zeros
 * before them change nothing: results do not depend on the other prompts.
 */
const promptBlock = 64;

/**
 * The cache of a graph from `sharePromptCache`: what prompts have left is fed at each step as it is, never copied, and
 * only the part after the prompts grows. Rows of one prompt read the same memory.
 */
export class SplitCache implements BatchCache {
  readonly lent: readonly string[];
  readonly #slots: readonly CacheSlot[];
  /** Prompts' parts by feed; one row if all rows are of one prompt. */
  #prompts: Map<string, CacheTensor>;
  #grown: Map<string, CacheTensor>;
  /** Tokens of each row's prompt. */
  #promptTokens: readonly number[];
  readonly #width: number;
  #steps = 0;

  /** @param rows The prompt of each row; equal objects are one prompt. */
  constructor({ cache }: DecoderDescription, rows: readonly PromptCache[]) {
    this.#slots = cache;
    this.#promptTokens = rows.map(({ tokens }) => tokens);
    this.#width = roundUp(Math.max(...this.#promptTokens));
    const held = new Set(rows).size === 1 ? rows.slice(0, 1) : rows;
    this.#prompts = new Map();
    this.#grown = new Map();
    for (const { past, prompt, type, heads, headSize } of cache) {
      const tensors = held.flatMap(({ tensors: all }) => all.get(past) ?? []);
      this.#prompts.set(prompt ?? '', padLeft(tensors, this.#width));
      this.#grown.set(past, emptyCache(type, rows.length, heads, headSize));
    }
    this.lent = [...this.#prompts.keys(), ...this.#grown.keys()];
  }

  feeds(): Record<string, TensorLike> {
    const rows = this.#promptTokens.length;
    const length = this.#width + this.#steps + 1;
    const mask = ones(rows, length);
    for (const [row, tokens] of this.#promptTokens.entries())
      mask.data.fill(0n, row * length, row * length + this.#width - tokens);
    return {
      ...Object.fromEntries(this.#prompts),
      ...Object.fromEntries(this.#grown),
      attention_mask: mask,
    };
  }

  advance(outputs: Readonly<Record<string, TensorLike>>): void {
    this.#steps++;
    for (const { past, present, prompt } of this.#slots) {
      this.#grown.set(past, cacheOutput(outputs, present));
      this.#prompts.set(prompt ?? '', cacheOutput(outputs, prompt ?? ''));
    }
  }

  keep(rows: readonly number[]): void {
    this.#promptTokens = rows.map((row) => this.#promptTokens[row] ?? 0);
    for (const [name, tensor] of this.#grown) this.#grown.set(name, pickRows(tensor, rows));
    for (const [name, tensor] of this.#prompts)
      if (tensor.dims[0] !== 1) this.#prompts.set(name, pickRows(tensor, rows));
  }
}

const roundUp = (tokens: number): number => promptBlock * Math.ceil(tokens / promptBlock);

function ones(rows: number, length: number): TensorLike & { readonly data: BigInt64Array } {
  return { type: 'int64', dims: [rows, length], data: new BigInt64Array(rows * length).fill(1n) };
}
