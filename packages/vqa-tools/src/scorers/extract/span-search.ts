import { isSpace } from '../../python/characters.js';

/*
 * The originals extract answers with regular expressions that take quadratic time on long runs of
 * spaces. These helpers walk the text once.
 */

/** The first index at or after `from` that is not white space (Python's `\s*`). */
export function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && isSpace(text[at] ?? '')) at++;
  return at;
}

/** `end` moved left over white space, not past `from`. */
export function trimSpaceBefore(text: string, end: number, from: number): number {
  let at = end;
  while (at > from && isSpace(text[at - 1] ?? '')) at--;
  return at;
}

/** A marker's first place without regard to case, as `re.IGNORECASE` compares. */
export function findIgnoringCase(text: string, marker: RegExp, from = 0): number {
  const pattern = new RegExp(marker.source, 'giu');
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? -1;
}
