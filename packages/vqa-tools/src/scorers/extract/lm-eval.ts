import { strip } from '../../python/characters.js';

/**
 * lm-evaluation-harness's ChartQA task (4e7e0d47): the first line that is not empty after the last
 * "answer:" in any case (bold marks around the colon allowed), without `* _ [ ] ( )`.
 *
 * @returns An empty text where there is none, which that task scores 0.
 */
export function lmEval(reply: string): string {
  const text = reply.replace(/([aA]nswer)\**:\**/g, '$1:');
  const lower = text.toLowerCase();
  const marker = lower.lastIndexOf('answer:');
  if (marker === -1) return '';
  // The place is counted in characters of the lower-case text, which can be longer than the text.
  const before = Array.from(lower.slice(0, marker)).length;
  const rest = Array.from(text)
    .slice(before + 'answer:'.length)
    .join('');
  for (const line of rest.split('\n')) {
    const body = strip(line);
    if (body !== '') return body.replace(/[*_[\]()]/g, '');
  }
  return '';
}
