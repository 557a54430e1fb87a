import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Picks from lists, the same picks for the same seed. */
export function styleChoices(seed: number): <Item>(items: readonly Item[]) => Item {
  const random = xoroshiro128plus(seed | 0);
  return (items) => {
    const item = items[(random.next() >>> 0) % items.length];
    if (item === undefined) throw new Error('internal: nothing to choose from');
    return item;
  };
}
