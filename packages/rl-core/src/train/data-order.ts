import { RlError } from '../errors.js';
import { seededShuffle, splitSeed } from '../random.js';

/** Where the order of prompts stands, as plain JSON. */
export interface DataOrderState {
  readonly epoch: number;
  readonly position: number;
  /** Prompts drawn so far. */
  readonly draws: number;
  /** Prompts that are not drawn again, ascending. */
  readonly retired: readonly number[];
}

/** A prompt to sample from. `draw` numbers draws over the whole run, so that it can name a seed. */
export interface Draw {
  readonly promptIndex: number;
  readonly draw: number;
}

/** Endless shuffled passes over the prompts, each pass with its own seed. */
export class DataOrder {
  readonly #count: number;
  readonly #seed: number;
  readonly #shuffle: boolean;
  #epoch = 0;
  #position = 0;
  #draws = 0;
  #retired: Set<number> = new Set();
  #order: readonly number[];

  constructor(count: number, options: { seed: number; shuffle: boolean }) {
    if (count < 1) throw new RlError('invalid-argument', '`prompts` is empty.');
    this.#count = count;
    this.#seed = options.seed;
    this.#shuffle = options.shuffle;
    this.#order = this.#orderOf(0);
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** The next prompt, or null when all are retired. */
  next(): Draw | null {
    if (this.#retired.size >= this.#count) return null;
    for (;;) {
      if (this.#position >= this.#count) {
        this.#epoch += 1;
        this.#position = 0;
        this.#order = this.#orderOf(this.#epoch);
      }
      const promptIndex = this.#order[this.#position]!;
      this.#position += 1;
      if (this.#retired.has(promptIndex)) continue;
      this.#draws += 1;
      return { promptIndex, draw: this.#draws };
    }
  }

  /** Takes a prompt out of the later draws. */
  retire(promptIndex: number): void {
    this.#retired.add(promptIndex);
  }

  state(): DataOrderState {
    return {
      epoch: this.#epoch,
      position: this.#position,
      draws: this.#draws,
      retired: [...this.#retired].sort((a, b) => a - b),
    };
  }

  load(state: DataOrderState): void {
    this.#epoch = state.epoch;
    this.#position = state.position;
    this.#draws = state.draws;
    this.#retired = new Set(state.retired);
    this.#order = this.#orderOf(state.epoch);
  }

  #orderOf(epoch: number): readonly number[] {
    const identity = Array.from({ length: this.#count }, (_, i) => i);
    return this.#shuffle
      ? seededShuffle(identity, splitSeed(this.#seed, 'prompts', epoch))
      : identity;
  }
}
