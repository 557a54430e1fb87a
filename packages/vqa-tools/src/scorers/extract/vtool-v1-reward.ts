import { isSpace } from '../../python/characters.js';
import { skipSpace } from './span-search.js';

const MARKER = 'FINAL ANSWER:';

/**
 * VTool-R1 v1's training reward (VTool-R1/VTool-R1 5318fb29): the text after the first
 * "FINAL ANSWER:" up to a period that white space follows, or up to the end of the text without
 * its last period. It does not cross a line unless a period ends it ("U.S. …" gives "U.S").
 *
 * @returns null where nothing matches.
 */
export function vtoolV1Reward(reply: string): string | null {
  let blockedUpTo = -1;
  for (
    let marker = reply.indexOf(MARKER);
    marker !== -1;
    marker = reply.indexOf(MARKER, marker + 1)
  ) {
    const from = skipSpace(reply, marker + MARKER.length);
    // No other answer that begins on the same line can do better.
    if (from <= blockedUpTo) continue;
    const newline = reply.indexOf('\n', from);
    const lineEnd = newline === -1 ? reply.length : newline;
    for (let at = from; at < lineEnd; at++) {
      if (reply[at] === '.' && isSpace(reply[at + 1] ?? '')) return reply.slice(from, at);
    }
    // Python's `$` also stands before a line break that ends the text.
    if (lineEnd >= reply.length - 1) {
      const end = lineEnd > from && reply[lineEnd - 1] === '.' ? lineEnd - 1 : lineEnd;
      return reply.slice(from, end);
    }
    blockedUpTo = lineEnd;
  }
  return null;
}
