import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Seeded random numbers, split by name so that a new use never shifts the draws of an old one. */
export interface Random {
  /** Uniform on [0, 1), 53 bits. */
  uniform(): number;
  /** Standard normal (Box–Muller). */
  normal(): number;
  /** Uniform integer in [0, limit). */
  integer(limit: number): number;
  /** A random order of 0 … length − 1 (Fisher–Yates). */
  permutation(length: number): number[];
  /** An independent stream for this name. */
  split(...names: readonly (string | number)[]): Random;
}

/** Makes the stream of a seed. Same seed and names, same numbers on every machine. */
export function createRandom(seed: number, path = ''): Random {
  const generator = xoroshiro128plus(hashText(`${seed}/${path}`));
  let spare: number | null = null;
  const uniform = (): number => uniformFloat64(generator);
  const integer = (limit: number): number => uniformInt(generator, 0, limit - 1);
  return {
    uniform,
    integer,
    normal: () => {
      if (spare !== null) {
        const value = spare;
        spare = null;
        return value;
      }
      // 1 − u lies in (0, 1], so the logarithm is finite.
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      const angle = 2 * Math.PI * uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
    permutation: (length) => {
      const order = Array.from({ length }, (_, index) => index);
      for (let last = length - 1; last > 0; last--) {
        const other = integer(last + 1);
        [order[last], order[other]] = [order[other]!, order[last]!];
      }
      return order;
    },
    split: (...names) => createRandom(seed, `${path}/${names.join('/')}`),
  };
}

/** FNV-1a with a final avalanche, 32 bits: turns a stream's name into a generator seed. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) | 0;
}
