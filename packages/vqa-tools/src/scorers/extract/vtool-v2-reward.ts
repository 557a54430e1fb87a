import { strip } from '../../python/characters.js';
import { skipSpace } from './span-search.js';

const FINAL = 'FINAL ANSWER:';
const PLAIN = 'ANSWER:';
const END = 'TERMINATE';

/**
 * VTool-R1 v2's training reward (VTool-R1/training-v2 d2aa2835): "||" becomes "|"; the first of
 * FINAL ANSWER … TERMINATE (over lines), FINAL ANSWER … up to "|" or the end, ANSWER … likewise,
 * the whole text.
 */
export function vtoolV2Reward(reply: string): string {
  const text = reply.replaceAll('||', '|');
  const final = text.indexOf(FINAL);
  if (final !== -1) {
    const from = skipSpace(text, final + FINAL.length);
    const end = text.indexOf(END, from);
    if (end !== -1) return strip(text.slice(from, end));
    return upToBar(text, from);
  }
  const plain = text.indexOf(PLAIN);
  if (plain !== -1) return upToBar(text, skipSpace(text, plain + PLAIN.length));
  return strip(text);
}

function upToBar(text: string, from: number): string {
  const bar = text.indexOf('|', from);
  return strip(text.slice(from, bar === -1 ? text.length : bar));
}
