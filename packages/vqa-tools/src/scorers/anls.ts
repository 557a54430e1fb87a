import { splitSpace } from '../python/characters.js';

/** Beyond this the edit distance would cost seconds; no answer is that long. */
const MAX_LENGTH = 4096;

/**
 * Average normalized Levenshtein similarity of one pair (package anls 0.0.2): 1 − d with
 * d = edit distance / longer length if d < `threshold`, else 0. Case and runs of white space do not
 * count. Two empty texts give 1. Texts above 4,096 characters are compared by their beginnings.
 */
export function anls(
  prediction: string,
  answer: string,
  { threshold = 0.5 }: { threshold?: number } = {},
): number {
  const a = prepare(prediction);
  const b = prepare(answer);
  // The package measures lengths in upper case, where "ß" has two characters.
  const longest = Math.max(upperLength(a), upperLength(b));
  const distance = longest === 0 ? 0 : editDistance(a, b) / longest;
  return distance < threshold ? 1 - distance : 0;
}

function prepare(text: string): string[] {
  return Array.from(splitSpace(text.toLowerCase()).join(' ')).slice(0, MAX_LENGTH);
}

function upperLength(characters: readonly string[]): number {
  return Array.from(characters.join('').toUpperCase()).length;
}

/** Insertions, deletions and substitutions of characters that turn `a` into `b`. */
function editDistance(a: readonly string[], b: readonly string[]): number {
  let previous = Uint32Array.from({ length: a.length + 1 }, (_, i) => i);
  let current = new Uint32Array(a.length + 1);
  for (let j = 0; j < b.length; j++) {
    current[0] = j + 1;
    for (let i = 0; i < a.length; i++) {
      const substitution = (previous[i] ?? 0) + (a[i] === b[j] ? 0 : 1);
      const change = 1 + Math.min(previous[i + 1] ?? 0, current[i] ?? 0);
      current[i + 1] = Math.min(substitution, change);
    }
    [previous, current] = [current, previous];
  }
  return previous[a.length] ?? 0;
}
