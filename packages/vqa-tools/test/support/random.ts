import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Seeded helpers for fuzz tests. */
export function randomSource(seed: number): {
  integer(below: number): number;
  pick<Item>(items: readonly Item[]): Item;
} {
  const random = xoroshiro128plus(seed);
  const integer = (below: number): number => (random.next() >>> 0) % below;
  return {
    integer,
    pick(items) {
      const item = items[integer(items.length)];
      if (item === undefined) throw new Error('nothing to pick from');
      return item;
    },
  };
}
