import { createHash } from 'node:crypto';
import { VqaToolError } from '../errors.js';

/**
 * The split that an example falls into, from its key and a seed alone: it does not depend on the
 * order or number of the examples, so a streamed data set need not be read first.
 *
 * @param key What must stay together; give a table's id to keep its questions in one split.
 * @param options.shares Share of each split; they must sum to 1.
 * @throws {VqaToolError} `bad-argument` for shares that do not sum to 1.
 * @example
 * splitOf('204-csv/590', { seed: 1, shares: { train: 0.9, test: 0.1 } });
 */
export function splitOf<Name extends string>(
  key: string,
  { seed, shares }: { seed: number; shares: Readonly<Record<Name, number>> },
): Name {
  const entries = Object.entries<number>(shares);
  const total = entries.reduce((sum, [, share]) => sum + share, 0);
  if (entries.some(([, share]) => !(share >= 0)) || Math.abs(total - 1) > 1e-9) {
    throw new VqaToolError(
      'bad-argument',
      `\`shares\` must be at least 0 and sum to 1, got ${total}.`,
    );
  }
  // 48 bits of a hash: uniform, and equal on every machine.
  const hash = createHash('sha256').update(`${seed}\n${key}`).digest();
  let left = hash.readUIntBE(0, 6) / 2 ** 48;
  for (const [name, share] of entries) {
    // The keys of `shares` are exactly the names.
    if (left < share) return name as Name;
    left -= share;
  }
  return entries.findLast(([, share]) => share > 0)?.[0] as Name;
}
