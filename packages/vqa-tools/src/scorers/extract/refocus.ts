import { skipSpace, trimSpaceBefore } from './span-search.js';

const MARKER = 'FINAL ANSWER:';
const END = 'TERMINATE';

/**
 * ReFocus and VTool-R1 v1's evaluation (zeyofu/ReFocus_Code f1a4391e): "||" becomes "|", then the
 * first text between "FINAL ANSWER:" and "TERMINATE" that has no line break; else the whole reply.
 */
export function refocus(reply: string): string {
  const text = reply.replaceAll('||', '|');
  let blockedUpTo = -1;
  for (
    let marker = text.indexOf(MARKER);
    marker !== -1;
    marker = text.indexOf(MARKER, marker + 1)
  ) {
    const from = skipSpace(text, marker + MARKER.length);
    // A marker before the same line break would meet it too.
    if (from <= blockedUpTo) continue;
    const end = text.indexOf(END, from);
    if (end === -1) break;
    const to = trimSpaceBefore(text, end, from);
    const lineBreak = text.indexOf('\n', from);
    if (lineBreak === -1 || lineBreak >= to) return text.slice(from, to);
    blockedUpTo = lineBreak;
  }
  return text;
}
