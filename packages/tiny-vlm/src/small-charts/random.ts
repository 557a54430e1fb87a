const fnvOffset = 0x811c9dc5;
const fnvPrime = 0x01000193;

/** 32-bit hash of a text (FNV-1a with MurmurHash3's finalizer, so that near texts give far numbers). */
export function hashText(text: string): number {
  let hash = fnvOffset;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), fnvPrime);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** A stream of random choices that depends on the text of its seed alone. */
export class TextRandom {
  #state: number;

  constructor(seed: string) {
    this.#state = hashText(seed);
  }

  /** Uniform in [0, 1). The generator is mulberry32. */
  uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Uniform among 0 … count − 1. */
  integer(count: number): number {
    return Math.floor(this.uniform() * count);
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    // The caller's lists are never empty.
    return items[this.integer(items.length)] as T;
  }

  /** `count` different items in random order. */
  sample<T>(items: readonly T[], count: number): T[] {
    const rest = [...items];
    const chosen: T[] = [];
    while (chosen.length < count && rest.length > 0) {
      chosen.push(...rest.splice(this.integer(rest.length), 1));
    }
    return chosen;
  }
}
