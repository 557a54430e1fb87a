import { TokenReader } from '../../python/expression.js';
import { SyntaxFault, type Token, tokenize } from '../../python/tokens.js';
import { malformed } from '../json-call.js';
import { PythonCalls } from '../python-calls.js';
import type { DialectReading, ParseFailure, Repair, ToolCallDialect } from '../types.js';

const FENCE = '```';
const OPEN = '```python';
/** A block without any of these is no tool call (VTool-R1 v2's hints). */
const HINT = /focus_on_|display\s*\(|image_\d|columns_bbox|rows_bbox|[xy]_values_bbox/;
const ANSWER = /\b(?:FINAL ANSWER|ANSWER)\s*:/i;

/**
 * The calls of ReFocus and VTool-R1: a Python block such as
 * `display(focus_on_columns_with_mask(image_1, ["A"], columns_bbox))`, with assignments and several
 * statements. It is read by a grammar of literals, names and calls, and never run. The first
 * fenced block counts, as in the originals; unlike them, backslashes are not removed.
 *
 * Leniently: an unclosed fence, `\_`, indented statements, and a missing `display` (the last tool's
 * image is shown, as in v2).
 */
export const vtoolPython: ToolCallDialect = {
  name: 'vtool-python',
  maxCalls: 8,
  read(text, { lenient, limits, tools }): DialectReading {
    const repairs: Repair[] = [];
    const fence = text.indexOf(OPEN);
    if (fence === -1) return failed('no-call', 'no ```python block in the text', 0, text.length);
    const start = fence + OPEN.length;
    const close = text.indexOf(FENCE, start);
    const end = close === -1 ? text.length : close;
    const code = text.slice(start, end);
    if (code.trim() !== '' && !HINT.test(lenient ? code.replaceAll('\\_', '_') : code)) {
      return failed('no-call', 'the Python block calls no tool', fence, end);
    }
    if (close === -1) {
      if (ANSWER.test(code)) return failed('no-call', 'an answer in an unclosed block', fence, end);
      if (!lenient) return failed('malformed', 'the ```python block is not closed', fence, end);
      repairs.push({ kind: 'fence', span: { start: end, end } });
    }
    const calls = new PythonCalls(tools);
    try {
      const tokens = tokensOf(text, { start, end, lenient, repairs });
      readStatements(text, { tokens, lenient, maxDepth: limits.maxDepth, repairs, calls });
      if (calls.calls.length > 0 && calls.display === null) {
        if (!lenient)
          throw new SyntaxFault('nothing is displayed: the edited image is lost', start, end);
        repairs.push({ kind: 'missing-display', span: { start: end, end } });
      }
      if (calls.calls.length === 0 && calls.failure === null) {
        throw new SyntaxFault('the block calls no tool', start, end);
      }
    } catch (fault) {
      return { calls: calls.calls, repairs, failure: malformed(fault) };
    }
    return { calls: calls.calls, repairs, failure: calls.failure, display: calls.display };
  },
};

function failed(
  kind: ParseFailure['kind'],
  message: string,
  start: number,
  end: number,
): DialectReading {
  return { calls: [], repairs: [], failure: { kind, message, span: { start, end } } };
}

/**
 * The tokens of the block. Leniently, Markdown's `\\_` is read as `_`; the tokens keep the places
 * that they have in `text`.
 */
function tokensOf(
  text: string,
  {
    start,
    end,
    lenient,
    repairs,
  }: { start: number; end: number; lenient: boolean; repairs: Repair[] },
): Token[] {
  if (!lenient || !text.slice(start, end).includes('\\_')) return tokenize(text, start, end);
  repairs.push({ kind: 'backslash', span: { start, end } });
  const places: number[] = [];
  let plain = '';
  for (let at = start; at < end; at++) {
    if (text[at] === '\\' && text[at + 1] === '_') continue;
    places.push(at);
    plain += text[at] ?? '';
  }
  places.push(end);
  return tokenize(plain).map((token) => ({
    ...token,
    start: places[token.start] ?? end,
    end:
      token.end === token.start ? (places[token.end] ?? end) : (places[token.end - 1] ?? end) + 1,
  }));
}

function readStatements(
  source: string,
  options: {
    tokens: readonly Token[];
    lenient: boolean;
    maxDepth: number;
    repairs: Repair[];
    calls: PythonCalls;
  },
): void {
  const { tokens, lenient, maxDepth, repairs, calls } = options;
  const reader = new TokenReader(tokens, { maxDepth });
  while (reader.peek().type !== 'end') {
    if (reader.peek().type === 'newline' || reader.sees(';')) {
      reader.take();
      continue;
    }
    const first = reader.peek();
    if (isIndented(source, first.start)) {
      if (!lenient) throw new SyntaxFault('unexpected indent', first.start, first.end);
      repairs.push({ kind: 'indent', span: { start: first.start, end: first.start } });
    }
    if (first.type === 'name' && reader.sees('=', 1)) {
      reader.take();
      reader.take();
      calls.assign(first.text, reader.expression());
    } else {
      calls.statement(reader.expression());
    }
    const next = reader.peek();
    if (next.type !== 'newline' && next.type !== 'end' && !reader.sees(';')) {
      throw new SyntaxFault('expected the end of the statement', next.start, next.end);
    }
  }
}

function isIndented(source: string, at: number): boolean {
  const before = source[at - 1];
  if (before !== ' ' && before !== '\t') return false;
  let from = at - 1;
  while (source[from] === ' ' || source[from] === '\t') from--;
  return source[from] === '\n';
}
