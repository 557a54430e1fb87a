import { strip } from '../../python/characters.js';
import { findIgnoringCase, skipSpace } from './span-search.js';

/**
 * VTool-R1 v2's evaluation (VTool-R1/training-v2 d2aa2835, eval/result_io.py): an `<answer>` tag,
 * FINAL ANSWER … up to TERMINATE or the end, ANSWER … likewise, `\boxed{…}`, else all; the words
 * in any case, over lines.
 */
export function vtoolV2Eval(reply: string): string {
  const text = strip(reply.replaceAll('||', '|'));
  const open = findIgnoringCase(text, /<answer>/);
  const close = open === -1 ? -1 : findIgnoringCase(text, /<\/answer>/, open + 8);
  if (close !== -1) return strip(text.slice(open + 8, close));
  for (const marker of ['final answer:', 'answer:']) {
    const at = findIgnoringCase(text, new RegExp(marker));
    if (at === -1) continue;
    const from = skipSpace(text, at + marker.length);
    const end = findIgnoringCase(text, /terminate/, from);
    return strip(text.slice(from, end === -1 ? text.length : end));
  }
  const boxed = text.indexOf('\\boxed{');
  // At least one character stands between the braces.
  const brace = boxed === -1 ? -1 : text.indexOf('}', boxed + 8);
  return brace === -1 ? text : strip(text.slice(boxed + 7, brace));
}
