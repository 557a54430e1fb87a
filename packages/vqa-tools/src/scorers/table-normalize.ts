import { collapseSpace, lowerEach, type PythonVersion, strip } from '../python/characters.js';

const COMBINING = /\p{Mn}/gu;
const TAIL_SYMBOLS = '•♦†‡*#+';

/**
 * WikiTableQuestions' string normalization (evaluator.py 1.0.2, `normalize`): no diacritics, plain
 * quotes and dashes, no citations, footnote marks, final parentheses, outer quotes or final
 * period; single spaces, lower case.
 *
 * @param options.python 2 as the original evaluator, 3 as TableVQA-Bench's copy of it. They differ
 * in which digits a numeric citation at the start may have, and in the lower case of a final Σ.
 */
export function normalizeTableText(
  text: string,
  { python = 2 }: { python?: PythonVersion } = {},
): string {
  let current = text
    .normalize('NFKD')
    .replace(COMBINING, '')
    .replace(/[‘’´`]/g, "'")
    .replace(/[“”]/g, '"')
    .replace(/[‐‑‒–—−]/g, '-');
  for (;;) {
    const before = current;
    current = dropTailMarks(strip(current), python);
    current = dropTailParentheses(strip(current));
    current = dropOuterQuotes(strip(current));
    if (current === before) break;
  }
  if (current.endsWith('.')) current = current.slice(0, -1);
  const spaced = collapseSpace(current);
  return strip(python === 2 ? lowerEach(spaced) : spaced.toLowerCase());
}

/*
 * The originals use regular expressions whose alternatives overlap ("[1]" is both a group and a
 * number), which takes exponential time on hostile text. These scans give the same result in one
 * pass from the right: `reaches[i]` says whether text from i to the end is a run of what is dropped.
 */

function dropTailMarks(text: string, python: PythonVersion): string {
  const isNumeric = python === 2 ? /^[0-9]+$/ : /^\p{Nd}+$/u;
  const cut = runStart(text, ']', (at, close, reaches) => {
    if (TAIL_SYMBOLS.includes(text[at] ?? '')) return reaches(at + 1);
    if (text[at] !== '[' || close === -1 || !reaches(close + 1)) return false;
    // At the very start only a number counts as a citation.
    return at > 0 || isNumeric.test(text.slice(at + 1, close));
  });
  return text.slice(0, cut);
}

function dropTailParentheses(text: string): string {
  const cut = runStart(text, ')', (at, close, reaches) => {
    return at > 0 && text[at] === ' ' && text[at + 1] === '(' && close !== -1 && reaches(close + 1);
  });
  return text.slice(0, cut);
}

/** The smallest index from which `text` is a run of dropped parts up to its end. */
function runStart(
  text: string,
  closer: string,
  isPart: (at: number, close: number, reaches: (index: number) => boolean) => boolean,
): number {
  const reachable = new Set([text.length]);
  const reaches = (index: number): boolean => reachable.has(index);
  let cut = text.length;
  let close = -1;
  for (let at = text.length - 1; at >= 0; at--) {
    if (text[at] === closer) {
      // A closer that leads nowhere stops every part that would begin further left.
      if (!reaches(at + 1)) break;
      close = at;
    }
    if (isPart(at, close, reaches)) {
      reachable.add(at);
      cut = at;
    }
  }
  return cut;
}

function dropOuterQuotes(text: string): string {
  const isQuoted = text.length >= 2 && text.startsWith('"') && text.endsWith('"');
  return isQuoted && text.indexOf('"', 1) === text.length - 1 ? text.slice(1, -1) : text;
}
