import { runInNewContext } from 'node:vm';
import { VlmError } from '../errors.js';

/** More than any honest pattern needs for the names of a model's layers. */
const timeoutMs = 2000;

/**
 * How a pattern meets a name:
 *
 * - `whole`: `re.fullmatch(pattern, name)`;
 * - `end`: the whole name or what follows one of its dots, `re.match(rf"(.*\\.)?({pattern})$", name)`;
 * - `index`: the first number after it, `re.match(rf"(?:^|.*?\\.){pattern}\\.(\\d+)\\.", name)`.
 */
export type PatternKind = 'whole' | 'end' | 'index';

const frames: Readonly<Record<PatternKind, (body: string) => string>> = {
  whole: (body) => `^(?:${body})$`,
  end: (body) => `^(.*\\.)?(${body})$`,
  index: (body) => `^(?:^|.*?\\.)${body}\\.(?<patternIndex>\\d+)\\.`,
};

export interface PatternMatch {
  /** Which pattern it was. */
  readonly pattern: number;
  /** With `index`: the number; else `null`. */
  readonly index: number | null;
}

/**
 * Matches names with regular expressions in Python's syntax, which come from files.
 *
 * A pattern can be made so that it backtracks for years; it is stopped after two seconds.
 *
 * @returns For each name, the first pattern that matches it, or `null`.
 * @throws {VlmError} `adapter` for a pattern that is no regular expression, uses what JavaScript does not
 * have, or takes too long.
 */
export function matchNames(
  kind: PatternKind,
  patterns: readonly string[],
  names: readonly string[],
): (PatternMatch | null)[] {
  if (patterns.length === 0 || names.length === 0) return names.map(() => null);
  const compiled = patterns.map((pattern) => compile(kind, pattern));
  const matches: (PatternMatch | null)[] = [];
  const find = (name: string): void => {
    const pattern = compiled.findIndex((expression) => expression.test(name));
    const number = compiled[pattern]?.exec(name)?.groups?.['patternIndex'];
    const index = number === undefined ? null : Number(number);
    matches.push(pattern < 0 ? null : { pattern, index });
  };
  try {
    runInNewContext(
      'for (const name of names) find(name)',
      { names, find },
      { timeout: timeoutMs },
    );
  } catch (cause) {
    throw new VlmError(
      'adapter',
      `The patterns ${patterns.map((pattern) => JSON.stringify(pattern)).join(', ')} take more than ${timeoutMs} ms to match ${names.length} names. Write them so that they backtrack less.`,
      { cause },
    );
  }
  return matches;
}

function compile(kind: PatternKind, pattern: string): RegExp {
  const { body, flags } = toJavaScript(pattern);
  try {
    return new RegExp(frames[kind](body), flags);
  } catch (cause) {
    throw new VlmError(
      'adapter',
      `The pattern ${JSON.stringify(pattern)} is no regular expression that can be used here: ${cause instanceof Error ? cause.message : String(cause)}.`,
      { cause },
    );
  }
}

/**
 * What Python's `re` writes in another way than JavaScript: flags at the start, named groups, comments, the ends
 * of the text, a count without its lower end, and a `]` that is the first of its class.
 */
function toJavaScript(pattern: string): { body: string; flags: string } {
  const [start = '', letters = ''] = /^\(\?([aiLmsu]+)\)/.exec(pattern) ?? [];
  const flags = ['i', 'm', 's'].filter((flag) => letters.includes(flag)).join('');
  const pieces =
    /\\.|\(\?[aLmsu]+:|\(\?P<|\(\?P=(\w+)\)|\(\?#[^)]*\)|\{,(?=\d)|\[\^?\]?(?:\\.|[^\]\\])*\]/gs;
  const body = pattern.slice(start.length).replace(pieces, (piece: string, reference: string) => {
    if (piece === '\\A') return '^';
    if (piece === '\\Z' || piece === '\\z') return '$';
    if (piece === '(?P<') return '(?<';
    // Flags of a part that change nothing in names, which hold no line break and only ASCII.
    if (/^\(\?\w+:$/.test(piece)) return '(?:';
    if (piece.startsWith('(?P=')) return `\\k<${reference}>`;
    if (piece.startsWith('(?#')) return '';
    if (piece === '{,') return '{0,';
    return piece.replace(/^(\[\^?)\]/, '$1\\]');
  });
  return { body, flags };
}

/** A JavaScript expression as Python writes it, for a configuration file. */
export function toPythonPattern(expression: RegExp): string {
  const body = expression.source
    .replace(/\(\?<(?=[A-Za-z_])/g, '(?P<')
    .replace(/\\k<(\w+)>/g, '(?P=$1)')
    .replace(/\\\//g, '/');
  const flags = ['i', 'm', 's'].filter((flag) => expression.flags.includes(flag)).join('');
  return flags === '' ? body : `(?${flags})${body}`;
}
