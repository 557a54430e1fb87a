/** A stretch of a text in UTF-16 code units; `end` is exclusive. */
export interface TextSpan {
  readonly start: number;
  readonly end: number;
}

/** Why a text could not be read, and where. Thrown inside the readers, never out of the package. */
export class SyntaxFault extends Error {
  readonly span: TextSpan;

  constructor(message: string, start: number, end: number = start + 1) {
    super(message);
    this.span = { start, end };
  }
}

/** One token of Python source. */
export type Token = TextSpan & {
  readonly type: 'name' | 'number' | 'string' | 'bytes' | 'operator' | 'newline' | 'end';
  /** The source text; for strings the decoded value. */
  readonly text: string;
};

const NAME = /[\p{ID_Start}_][\p{ID_Continue}]*/uy;
const NUMBER =
  /0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:[0-9](?:_?[0-9])*\.?(?:[0-9](?:_?[0-9])*)?|\.[0-9](?:_?[0-9])*)(?:[eE][+-]?[0-9](?:_?[0-9])*)?[jJ]?/y;
const STRING_PREFIX = /^(?:[rR]?[bB]|[bB]?[rR]|[uU])?$/;

/**
 * Splits Python source into tokens. Knows names, numbers, strings and single-character operators;
 * new lines count only outside brackets. Every character is read once.
 *
 * @throws {SyntaxFault} For an unclosed string, an f-string, or a character Python does not have.
 */
export function tokenize(source: string, from = 0, to: number = source.length): Token[] {
  const tokens: Token[] = [];
  let depth = 0;
  let at = from;
  while (at < to) {
    const character = source[at] ?? '';
    if (character === ' ' || character === '\t' || character === '\f') {
      at++;
    } else if (character === '#') {
      while (at < to && source[at] !== '\n') at++;
    } else if (character === '\\' && /^\\\r?\n/.test(source.slice(at, at + 3))) {
      at += source[at + 1] === '\r' ? 3 : 2;
    } else if (character === '\n' || character === '\r') {
      if (depth === 0) tokens.push({ type: 'newline', text: '\n', start: at, end: at + 1 });
      at++;
    } else if (character === '"' || character === "'") {
      const token = readString(source, { start: at, quoteAt: at, to, prefix: '' });
      tokens.push(token);
      at = token.end;
    } else if (/[0-9.]/.test(character) && matchAt(NUMBER, source, at, to) !== null) {
      const text = matchAt(NUMBER, source, at, to) ?? '';
      tokens.push({ type: 'number', text, start: at, end: at + text.length });
      at += text.length;
    } else {
      const name = matchAt(NAME, source, at, to);
      if (name !== null) {
        const quoteAt = at + name.length;
        const quote = quoteAt < to ? source[quoteAt] : undefined;
        if ((quote === '"' || quote === "'") && name.length <= 2) {
          const token = readString(source, { start: at, quoteAt, to, prefix: name });
          tokens.push(token);
          at = token.end;
          continue;
        }
        tokens.push({ type: 'name', text: name, start: at, end: quoteAt });
        at = quoteAt;
      } else if ('()[]{},:=;+-.*/'.includes(character)) {
        if ('([{'.includes(character)) depth++;
        if (')]}'.includes(character)) depth = Math.max(0, depth - 1);
        tokens.push({ type: 'operator', text: character, start: at, end: at + 1 });
        at++;
      } else {
        throw new SyntaxFault(`unexpected character "${character}"`, at);
      }
    }
  }
  tokens.push({ type: 'end', text: '', start: to, end: to });
  return tokens;
}

function matchAt(pattern: RegExp, source: string, at: number, to: number): string | null {
  pattern.lastIndex = at;
  const text = pattern.exec(source)?.[0];
  return text === undefined || at + text.length > to ? null : text;
}

function readString(
  source: string,
  { start, quoteAt, to, prefix }: { start: number; quoteAt: number; to: number; prefix: string },
): Token {
  if (!STRING_PREFIX.test(prefix)) {
    throw new SyntaxFault(`a string with the prefix "${prefix}" is not a literal`, start);
  }
  const isRaw = /r/i.test(prefix);
  const type = /b/i.test(prefix) ? 'bytes' : 'string';
  const quote = source[quoteAt] ?? '';
  const triple = source.startsWith(quote.repeat(3), quoteAt);
  const close = triple ? quote.repeat(3) : quote;
  const parts: string[] = [];
  let at = quoteAt + close.length;
  while (at < to) {
    if (source.startsWith(close, at)) {
      const end = at + close.length;
      return { type, text: parts.join(''), start, end };
    }
    const character = source[at] ?? '';
    if (character === '\n' && !triple) break;
    if (character !== '\\') {
      parts.push(character);
      at++;
      continue;
    }
    const next = source[at + 1] ?? '';
    if (isRaw) {
      parts.push(character, next);
      at += 2;
      continue;
    }
    const [text, length] = readEscape(source, at, type === 'bytes');
    parts.push(text);
    at += length;
  }
  throw new SyntaxFault('a string is not closed', start, to);
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** The text of the escape at `at` (a backslash) and its length; unknown ones stay as written. */
function readEscape(source: string, at: number, isBytes: boolean): [string, number] {
  const next = source[at + 1] ?? '';
  const simple = SIMPLE_ESCAPES[next];
  if (simple !== undefined) return [simple, 2];
  const octal = /^[0-7]{1,3}/.exec(source.slice(at + 1, at + 4))?.[0];
  if (octal !== undefined) {
    return [String.fromCharCode(Number.parseInt(octal, 8)), 1 + octal.length];
  }
  const digits = next === 'x' ? 2 : isBytes ? 0 : next === 'u' ? 4 : next === 'U' ? 8 : 0;
  if (digits > 0) {
    const hex = source.slice(at + 2, at + 2 + digits);
    const code = /^[0-9a-fA-F]+$/.test(hex) ? Number.parseInt(hex, 16) : Number.NaN;
    if (hex.length !== digits || Number.isNaN(code) || code > 0x10ffff) {
      throw new SyntaxFault('a bad escape in a string', at, at + 2 + digits);
    }
    return [String.fromCodePoint(code), 2 + digits];
  }
  if (next === 'N' && !isBytes) throw new SyntaxFault('named characters are not supported', at);
  return [`\\${next}`, 1 + next.length];
}
