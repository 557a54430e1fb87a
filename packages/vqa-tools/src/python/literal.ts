import { floatText } from './characters.js';
import { type Expression, TokenReader } from './expression.js';
import { SyntaxFault, tokenize } from './tokens.js';

/**
 * `ast.literal_eval(text)`, or null where Python raises. Strings, numbers, lists, tuples, dicts,
 * True, False and None; complex numbers, sets and bytes are read as null.
 */
export function parseLiteral(text: string): Expression | null {
  // Python takes white space on a last line of its own for an indent.
  if (/[\r\n][ \t\f]+$/.test(text.slice(-1000))) return null;
  try {
    const reader = new TokenReader(tokenize(text.replace(/^[ \t]+/, '')), { maxDepth: 90 });
    while (reader.peek().type === 'newline') reader.take();
    const value = reader.expression();
    while (reader.peek().type === 'newline') reader.take();
    return reader.peek().type === 'end' && isLiteral(value) ? value : null;
  } catch (fault) {
    if (fault instanceof SyntaxFault) return null;
    throw fault;
  }
}

/** Whether an expression holds no name and no call. */
function isLiteral(value: Expression): boolean {
  switch (value.type) {
    case 'name':
    case 'call':
      return false;
    case 'list':
    case 'tuple':
      return value.items.every(isLiteral);
    case 'dict':
      return value.entries.every(([key, item]) => isLiteral(key) && isLiteral(item));
    default:
      return true;
  }
}

/** `str(value)`: the text itself for a string, Python's notation for the rest. */
export function literalText(value: Expression): string {
  return value.type === 'string' ? value.value : reprText(value);
}

function reprText(value: Expression): string {
  switch (value.type) {
    case 'string':
      return quote(value.value);
    case 'integer':
      return String(value.value);
    case 'float':
      return floatText(value.value);
    case 'constant':
      return value.value === null ? 'None' : value.value ? 'True' : 'False';
    case 'list':
      return `[${value.items.map(reprText).join(', ')}]`;
    case 'tuple': {
      const items = value.items.map(reprText);
      return items.length === 1 ? `(${items[0]},)` : `(${items.join(', ')})`;
    }
    case 'dict':
      return `{${value.entries.map(([key, item]) => `${reprText(key)}: ${reprText(item)}`).join(', ')}}`;
    default:
      throw new SyntaxFault('internal: not a literal', value.start, value.end);
  }
}

/** Python's choice of quotes and escapes (characters that Python cannot print stay as they are). */
function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const body = text
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t');
  return `${mark}${mark === "'" ? body.replaceAll("'", "\\'") : body}${mark}`;
}
