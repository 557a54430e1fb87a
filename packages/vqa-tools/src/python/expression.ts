import { SyntaxFault, type TextSpan, type Token } from './tokens.js';

/** An expression of the small part of Python that is read here: literals, names and calls. */
export type Expression = TextSpan &
  (
    | { readonly type: 'string'; readonly value: string }
    | { readonly type: 'integer'; readonly value: bigint }
    | { readonly type: 'float'; readonly value: number }
    | { readonly type: 'constant'; readonly value: boolean | null }
    | { readonly type: 'name'; readonly name: string }
    | { readonly type: 'list' | 'tuple'; readonly items: readonly Expression[] }
    | { readonly type: 'dict'; readonly entries: readonly (readonly [Expression, Expression])[] }
    | {
        readonly type: 'call';
        readonly name: string;
        readonly nameSpan: TextSpan;
        readonly positional: readonly Expression[];
        readonly keywords: readonly KeywordArgument[];
      }
  );

/** `name=value` in a call. */
export interface KeywordArgument {
  readonly name: string;
  readonly nameSpan: TextSpan;
  readonly value: Expression;
}

/** Reads tokens one after the other. */
export class TokenReader {
  readonly #tokens: readonly Token[];
  readonly #maxDepth: number;
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], { maxDepth = 32 }: { maxDepth?: number } = {}) {
    this.#tokens = tokens;
    this.#maxDepth = maxDepth;
  }

  /** The token `ahead` places from here, without taking it. */
  peek(ahead = 0): Token {
    const token = this.#tokens[this.#at + ahead] ?? this.#tokens.at(-1);
    if (token === undefined) throw new SyntaxFault('internal: no tokens', 0);
    return token;
  }

  take(): Token {
    const token = this.peek();
    this.#at++;
    return token;
  }

  /** Whether the next token is this operator. */
  sees(operator: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.type === 'operator' && token.text === operator;
  }

  expect(operator: string): Token {
    const token = this.take();
    if (token.type !== 'operator' || token.text !== operator) {
      throw new SyntaxFault(
        `expected "${operator}", got ${describe(token)}`,
        token.start,
        token.end,
      );
    }
    return token;
  }

  /** Reads one expression. @throws {SyntaxFault} For anything outside the grammar. */
  expression(): Expression {
    if (++this.#depth > this.#maxDepth) {
      throw new SyntaxFault(`nested deeper than ${this.#maxDepth}`, this.peek().start);
    }
    try {
      return this.#primary();
    } finally {
      this.#depth--;
    }
  }

  #primary(): Expression {
    const token = this.peek();
    if (token.type === 'string') return this.#strings();
    if (token.type === 'number') return numberExpression(this.take(), 1, token.start);
    if (token.type === 'name') return this.#nameOrCall();
    if (this.sees('-') || this.sees('+')) {
      // One sign only, as ast.literal_eval.
      const sign = this.take().text === '-' ? -1 : 1;
      const number = this.take();
      if (number.type !== 'number') {
        throw new SyntaxFault(
          `expected a number, got ${describe(number)}`,
          number.start,
          number.end,
        );
      }
      return numberExpression(number, sign, token.start);
    }
    if (this.sees('[')) return this.#sequence('[', ']');
    if (this.sees('(')) return this.#sequence('(', ')');
    if (this.sees('{')) return this.#dict();
    throw new SyntaxFault(
      `unexpected ${describe(token)}`,
      token.start,
      Math.max(token.end, token.start + 1),
    );
  }

  /** Neighboring strings are one string. */
  #strings(): Expression {
    const first = this.take();
    let value = first.text;
    let { end } = first;
    while (this.peek().type === 'string') {
      const next = this.take();
      value += next.text;
      end = next.end;
    }
    return { type: 'string', value, start: first.start, end };
  }

  #nameOrCall(): Expression {
    const token = this.take();
    const { start, end } = token;
    if (token.text === 'True' || token.text === 'False') {
      return { type: 'constant', value: token.text === 'True', start, end };
    }
    if (token.text === 'None') return { type: 'constant', value: null, start, end };
    if (this.sees('.')) {
      const dot = this.peek();
      throw new SyntaxFault('attributes are not allowed', start, dot.end);
    }
    if (!this.sees('(')) return { type: 'name', name: token.text, start, end };
    this.take();
    const positional: Expression[] = [];
    const keywords: KeywordArgument[] = [];
    while (!this.sees(')')) {
      const name = this.peek();
      if (name.type === 'name' && this.sees('=', 1)) {
        this.take();
        this.take();
        if (keywords.some((keyword) => keyword.name === name.text)) {
          throw new SyntaxFault(`the argument "${name.text}" is repeated`, name.start, name.end);
        }
        keywords.push({
          name: name.text,
          nameSpan: { start: name.start, end: name.end },
          value: this.expression(),
        });
      } else {
        if (keywords.length > 0) {
          throw new SyntaxFault('a positional argument follows a keyword', name.start, name.end);
        }
        positional.push(this.expression());
      }
      if (!this.sees(')')) this.expect(',');
    }
    const close = this.take();
    return {
      type: 'call',
      name: token.text,
      nameSpan: { start, end },
      positional,
      keywords,
      start,
      end: close.end,
    };
  }

  #sequence(open: '[' | '(', close: ']' | ')'): Expression {
    const { start } = this.expect(open);
    const items: Expression[] = [];
    let commas = 0;
    while (!this.sees(close)) {
      items.push(this.expression());
      if (this.sees(close)) break;
      this.expect(',');
      commas++;
    }
    const { end } = this.take();
    const [only] = items;
    // Parentheses around one expression are not a tuple.
    if (open === '(' && only !== undefined && items.length === 1 && commas === 0) {
      return { ...only, start, end };
    }
    return { type: open === '[' ? 'list' : 'tuple', items, start, end };
  }

  #dict(): Expression {
    const { start } = this.expect('{');
    const entries: (readonly [Expression, Expression])[] = [];
    while (!this.sees('}')) {
      const key = this.expression();
      this.expect(':');
      entries.push([key, this.expression()]);
      if (!this.sees('}')) this.expect(',');
    }
    return { type: 'dict', entries, start, end: this.take().end };
  }
}

function numberExpression(token: Token, sign: 1 | -1, start: number): Expression {
  const plain = token.text.replaceAll('_', '');
  const { end } = token;
  if (/j$/i.test(plain)) throw new SyntaxFault('complex numbers are not supported', start, end);
  if (/^0[xob]/i.test(plain)) {
    return { type: 'integer', value: BigInt(sign) * BigInt(plain), start, end };
  }
  if (/^\d+$/.test(plain)) {
    if (/^0+[1-9]/.test(plain)) {
      throw new SyntaxFault('a whole number must not start with 0', start, end);
    }
    return { type: 'integer', value: BigInt(sign) * BigInt(plain), start, end };
  }
  return { type: 'float', value: sign * Number(plain), start, end };
}

function describe(token: Token): string {
  if (token.type === 'end') return 'the end';
  if (token.type === 'newline') return 'the end of the line';
  return token.type === 'string' ? 'a string' : `"${token.text}"`;
}
