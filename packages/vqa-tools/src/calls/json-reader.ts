import { SyntaxFault, type TextSpan } from '../python/tokens.js';
import type { Repair } from './types.js';

/** A JSON value with its place in the text. Objects keep the order of their keys. */
export type JsonNode = TextSpan &
  (
    | { readonly type: 'string'; readonly value: string }
    | { readonly type: 'number'; readonly value: number }
    | { readonly type: 'constant'; readonly value: boolean | null }
    | { readonly type: 'array'; readonly items: readonly JsonNode[] }
    | { readonly type: 'object'; readonly entries: readonly JsonEntry[] }
  );

/** One key of an object and its value. */
export interface JsonEntry {
  readonly key: string;
  readonly keySpan: TextSpan;
  readonly value: JsonNode;
}

const STRICT_NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const LENIENT_NUMBER = /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const WORD = /[A-Za-z_$][A-Za-z0-9_$]*/y;
const WORDS: Readonly<Record<string, boolean | null>> = {
  true: true,
  false: false,
  null: null,
};
const PYTHON_WORDS: Readonly<Record<string, boolean | null>> = {
  True: true,
  False: false,
  None: null,
};
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/**
 * Reads one JSON value from `start` on, in one pass. Strict reading takes RFC 8259's grammar;
 * lenient reading also takes single quotes, bare keys, Python's True, False and None, comments,
 * trailing and missing commas, raw line breaks in strings and a text that breaks off, and notes
 * each in `repairs`.
 *
 * @throws {SyntaxFault} With the place, for anything else.
 */
export class JsonReader {
  readonly #text: string;
  readonly #lenient: boolean;
  readonly #maxDepth: number;
  readonly repairs: Repair[] = [];
  #at: number;
  #depth = 0;

  constructor(
    text: string,
    { start = 0, lenient, maxDepth }: { start?: number; lenient: boolean; maxDepth: number },
  ) {
    this.#text = text;
    this.#at = start;
    this.#lenient = lenient;
    this.#maxDepth = maxDepth;
  }

  /** Where the next unread character is. */
  get position(): number {
    return this.#at;
  }

  /** Reads a value and the white space before it. */
  read(): JsonNode {
    this.skipSpace();
    const start = this.#at;
    const character = this.#text[start];
    if (character === '{') return this.#nested(() => this.#object(start));
    if (character === '[') return this.#nested(() => this.#array(start));
    if (character === '"' || (this.#lenient && character === "'")) return this.#string();
    if (character !== undefined && /[-+.\d]/.test(character)) return this.#number(start);
    const word = this.#match(WORD);
    if (word !== null) return this.#word(word, start);
    throw this.#fault(character === undefined ? 'the text ends here' : `unexpected "${character}"`);
  }

  /** Skips white space and, leniently, comments. */
  skipSpace(): void {
    for (;;) {
      while (/[ \t\n\r]/.test(this.#text[this.#at] ?? '')) this.#at++;
      if (!this.#lenient) return;
      const start = this.#at;
      if (this.#text.startsWith('//', start) || this.#text[start] === '#') {
        while (this.#at < this.#text.length && this.#text[this.#at] !== '\n') this.#at++;
      } else if (this.#text.startsWith('/*', start)) {
        const close = this.#text.indexOf('*/', start + 2);
        this.#at = close === -1 ? this.#text.length : close + 2;
      } else {
        return;
      }
      this.#repair('comment', start);
    }
  }

  #nested(read: () => JsonNode): JsonNode {
    if (++this.#depth > this.#maxDepth) {
      throw this.#fault(`nested deeper than ${this.#maxDepth}`);
    }
    const node = read();
    this.#depth--;
    return node;
  }

  #object(start: number): JsonNode {
    const entries: JsonEntry[] = [];
    this.#at++;
    for (;;) {
      this.skipSpace();
      if (this.#closes('}')) break;
      if (entries.length > 0 && !this.#comma('}')) break;
      const key = this.#key();
      this.skipSpace();
      if (this.#text[this.#at] !== ':') {
        if (this.#breaksOff()) break;
        throw this.#fault('expected ":"');
      }
      this.#at++;
      this.skipSpace();
      if (this.#breaksOff()) break;
      entries.push({ ...key, value: this.read() });
    }
    return { type: 'object', entries, start, end: this.#at };
  }

  #array(start: number): JsonNode {
    const items: JsonNode[] = [];
    this.#at++;
    for (;;) {
      this.skipSpace();
      if (this.#closes(']')) break;
      if (items.length > 0 && !this.#comma(']')) break;
      items.push(this.read());
    }
    return { type: 'array', items, start, end: this.#at };
  }

  /** Whether the container ends here: at its bracket or, leniently, where the text breaks off. */
  #closes(bracket: string): boolean {
    if (this.#text[this.#at] === bracket) {
      this.#at++;
      return true;
    }
    return this.#breaksOff();
  }

  #breaksOff(): boolean {
    if (!this.#lenient || this.#at < this.#text.length) return false;
    if (this.repairs.at(-1)?.kind !== 'cut-off') this.#repair('cut-off', this.#at);
    return true;
  }

  /** Takes the comma between items; false where the container ends after it. */
  #comma(bracket: string): boolean {
    const start = this.#at;
    if (this.#text[start] !== ',') {
      if (!this.#lenient || !/["'\w{[]/.test(this.#text[start] ?? '')) {
        throw this.#fault(`expected "," or "${bracket}"`);
      }
      this.#repair('missing-comma', start);
      return true;
    }
    this.#at++;
    this.skipSpace();
    if (!this.#lenient) return true;
    if (this.#text[this.#at] === bracket) {
      this.#repair('trailing-comma', start);
      this.#at++;
      return false;
    }
    return !this.#breaksOff();
  }

  #key(): { key: string; keySpan: TextSpan } {
    const start = this.#at;
    const character = this.#text[start];
    if (character === '"' || (this.#lenient && character === "'")) {
      const node = this.#string();
      return {
        key: node.type === 'string' ? node.value : '',
        keySpan: { start, end: this.#at },
      };
    }
    const word = this.#lenient ? this.#match(WORD) : null;
    if (word === null) throw this.#fault('expected a key in double quotes');
    this.#repair('bare-key', start);
    return { key: word, keySpan: { start, end: this.#at } };
  }

  #string(): JsonNode {
    const text = this.#text;
    const start = this.#at;
    const quote = text[start] ?? '"';
    const parts: string[] = [];
    let from = start + 1;
    let at = from;
    for (;;) {
      const character = text[at];
      if (character === undefined) {
        if (!this.#lenient) throw new SyntaxFault('a string is not closed', start, at);
        parts.push(text.slice(from, at));
        this.#at = at;
        this.#repair('cut-off', start);
        break;
      }
      if (character === quote) {
        parts.push(text.slice(from, at));
        this.#at = at + 1;
        if (quote === "'") this.#repair('quotes', start);
        break;
      }
      if (character === '\\') {
        parts.push(text.slice(from, at));
        const [value, length] = this.#escape(at);
        parts.push(value);
        at += length;
        from = at;
        continue;
      }
      if (character < ' ') {
        if (!this.#lenient) throw new SyntaxFault('a control character in a string', at);
        if (this.repairs.at(-1)?.kind !== 'control-character') {
          this.repairs.push({ kind: 'control-character', span: { start: at, end: at + 1 } });
        }
      }
      at++;
    }
    return { type: 'string', value: parts.join(''), start, end: this.#at };
  }

  #escape(at: number): [string, number] {
    const next = this.#text[at + 1] ?? '';
    const simple = ESCAPES[next];
    if (simple !== undefined) return [simple, 2];
    if (next === 'u') {
      const hex = this.#text.slice(at + 2, at + 6);
      if (/^[0-9a-fA-F]{4}$/.test(hex)) return [String.fromCharCode(Number.parseInt(hex, 16)), 6];
    }
    if (!this.#lenient) throw new SyntaxFault('a bad escape in a string', at, at + 2);
    // `\_` and `\'` are Markdown's and Python's; the character itself is meant.
    this.repairs.push({ kind: 'backslash', span: { start: at, end: at + 2 } });
    return [next, 1 + next.length];
  }

  #number(start: number): JsonNode {
    const strict = this.#match(STRICT_NUMBER);
    const strictEnd = this.#at;
    this.#at = start;
    const lenient = this.#lenient ? this.#match(LENIENT_NUMBER) : null;
    if (strict === null && lenient === null) throw this.#fault('expected a number');
    const text =
      lenient !== null && lenient.length > (strict?.length ?? 0) ? lenient : (strict ?? '');
    this.#at = text === strict ? strictEnd : start + text.length;
    if (text !== strict) this.#repair('number', start);
    const value = Number(text);
    if (!Number.isFinite(value)) throw new SyntaxFault('a number is too large', start, this.#at);
    return { type: 'number', value, start, end: this.#at };
  }

  #word(word: string, start: number): JsonNode {
    const end = this.#at;
    if (Object.hasOwn(WORDS, word)) {
      return { type: 'constant', value: WORDS[word] ?? null, start, end };
    }
    if (this.#lenient && Object.hasOwn(PYTHON_WORDS, word)) {
      this.#repair('bare-word', start);
      return { type: 'constant', value: PYTHON_WORDS[word] ?? null, start, end };
    }
    throw new SyntaxFault(`unexpected word "${word}"`, start, end);
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const text = pattern.exec(this.#text)?.[0] ?? null;
    if (text !== null) this.#at += text.length;
    return text;
  }

  #repair(kind: Repair['kind'], start: number): void {
    this.repairs.push({ kind, span: { start, end: this.#at } });
  }

  #fault(message: string): SyntaxFault {
    return new SyntaxFault(message, this.#at);
  }
}

/** The plain value of a node. A key `__proto__` becomes an own property, as in JSON.parse. */
export function jsonValue(node: JsonNode): unknown {
  if (node.type === 'array') return node.items.map(jsonValue);
  if (node.type !== 'object') return node.value;
  return objectFrom(node.entries.map(({ key, value }) => [key, jsonValue(value)]));
}

/** An ordinary object with exactly these own properties; no key can reach the prototype. */
export function objectFrom(entries: Iterable<readonly [string, unknown]>): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, value] of entries) {
    if (key === '__proto__') {
      Object.defineProperty(result, key, {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    } else {
      result[key] = value;
    }
  }
  return result;
}
