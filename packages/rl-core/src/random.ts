import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

// FNV-1a's 32-bit offset and prime; the finalizer below is MurmurHash3's, so that near names give far seeds.
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

function mix(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * A seed derived from another by name, so that adding a random choice elsewhere shifts nothing.
 *
 * @param seed Integer.
 * @param path Names and numbers that say what the seed is for, e.g. `'sample', step, prompt`.
 * @returns An integer of 32 bits without sign.
 */
export function splitSeed(seed: number, ...path: readonly (string | number)[]): number {
  const text = [seed, ...path].map((part) => `${typeof part}:${part}`).join('/');
  let hash = FNV_OFFSET;
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  }
  return mix(hash);
}

/** A stream of random numbers with a fixed seed. */
export interface Random {
  /** Uniform in [0, 1). */
  readonly uniform: () => number;
  /** Uniform among 0 … n − 1. */
  readonly integer: (n: number) => number;
}

/** A stream that depends on `seed` alone. */
export function seededRandom(seed: number): Random {
  const generator: RandomGenerator = xoroshiro128plus(mix(seed | 0) | 0);
  return {
    uniform: () => uniformFloat64(generator),
    integer: (n) => uniformInt(generator, 0, n - 1),
  };
}

/** A shuffled copy (Fisher–Yates). */
export function seededShuffle<T>(items: readonly T[], seed: number): T[] {
  const random = seededRandom(seed);
  const shuffled = [...items];
  for (let i = shuffled.length - 1; i > 0; i -= 1) {
    const j = random.integer(i + 1);
    [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
  }
  return shuffled;
}
