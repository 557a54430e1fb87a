import { type Source, TracedText, templateSource } from './traced-text.js';
import { List, Mapping, Namespace, numberText, typeName, type Value } from './values.js';

export interface JsonLayout {
  /** Spaces a level; `null` writes one line. */
  readonly indent: number | null;
  readonly itemSeparator: string;
  readonly keySeparator: string;
  readonly sortKeys: boolean;
  readonly ensureAscii: boolean;
}

/**
 * Python's `json.dumps(value, ensure_ascii=False)`, which transformers puts in place of Jinja's own `tojson` (that one
 * would escape `<` and `>`). Brackets and commas of data that was given count as given, too.
 */
export function toJson(
  value: Value,
  layout: JsonLayout,
  source: Source = templateSource,
): TracedText {
  return TracedText.concat(write(value, layout, source, 0));
}

function write(value: Value, layout: JsonLayout, outer: Source, depth: number): TracedText[] {
  if (value instanceof TracedText) return quoted(value, layout, outer);
  if (value instanceof List) {
    const source = value.source ?? outer;
    const items = value.items.map((item) => write(item, layout, source, depth + 1));
    return bracketed(['[', ']'], items, layout, source, depth);
  }
  if (value instanceof Mapping || value instanceof Namespace) {
    const source = (value instanceof Mapping ? value.source : null) ?? outer;
    const entries = [...value.entries];
    if (layout.sortKeys) entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    const items = entries.map(([key, item]) => [
      ...quoted(TracedText.of(key, source), layout, source),
      TracedText.of(layout.keySeparator, source),
      ...write(item, layout, source, depth + 1),
    ]);
    return bracketed(['{', '}'], items, layout, source, depth);
  }
  if (value === null) return [TracedText.of('null', outer)];
  if (typeof value === 'boolean') return [TracedText.of(String(value), outer)];
  if (typeof value === 'number') return [TracedText.of(numberText(value), outer)];
  throw new Error(`${typeName(value)} cannot be written as JSON`);
}

function quoted(text: TracedText, layout: JsonLayout, outer: Source): TracedText[] {
  const source = text.pieces[0]?.source ?? outer;
  const quote = TracedText.of('"', source);
  const escaped = text.map((piece) => {
    const inner = JSON.stringify(piece).slice(1, -1);
    return layout.ensureAscii ? escapeNonAscii(inner) : inner;
  });
  return [quote, escaped, quote];
}

function escapeNonAscii(text: string): string {
  return text.replace(/[^ -~]/g, (character) => {
    const hex = character.charCodeAt(0).toString(16);
    return `\\u${hex.padStart(4, '0')}`;
  });
}

function bracketed(
  [open, close]: readonly [string, string],
  items: readonly TracedText[][],
  layout: JsonLayout,
  source: Source,
  depth: number,
): TracedText[] {
  const line = (level: number): string =>
    layout.indent === null ? '' : `\n${' '.repeat(layout.indent * level)}`;
  if (items.length === 0) return [TracedText.of(open + close, source)];
  return [
    TracedText.of(open + line(depth + 1), source),
    ...items.flatMap((item, index) =>
      index === 0 ? item : [TracedText.of(layout.itemSeparator + line(depth + 1), source), ...item],
    ),
    TracedText.of(line(depth) + close, source),
  ];
}
