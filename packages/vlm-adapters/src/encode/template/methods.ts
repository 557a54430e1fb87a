import { TracedText } from './traced-text.js';
import {
  type Arguments,
  Callable,
  itemsOf,
  iterate,
  keysOf,
  List,
  Mapping,
  toText,
  typeName,
  type Value,
} from './values.js';

type TextMethod = (text: TracedText, args: Arguments) => Value;

function textArgument(value: Value, method: string): TracedText {
  if (value instanceof TracedText) return value;
  throw new Error(`${method}() expects a string, got ${typeName(value)}`);
}

function countArgument(value: Value): number {
  return typeof value === 'number' && value >= 0 ? value : Number.POSITIVE_INFINITY;
}

function strip(left: boolean, right: boolean): TextMethod {
  return (text, { positional: [characters] }) =>
    text.strip({ left, right }, characters instanceof TracedText ? characters.value : undefined);
}

/** `startswith` and `endswith` take one string or several. */
function affix(matches: (text: string, part: string) => boolean): TextMethod {
  return (text, { positional: [parts] }) =>
    (parts instanceof List ? parts.items : [parts]).some((part) =>
      matches(text.value, textArgument(part, 'startswith').value),
    );
}

/** Python's `str.title`: a capital after everything that is no letter. */
export function titleCase(text: string): string {
  return text.replace(
    /\p{L}+/gu,
    (word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase(),
  );
}

export function capitalize(text: TracedText): TracedText {
  const [first, ...rest] = text.characters();
  if (first === undefined) return text;
  return TracedText.concat([
    first.map((piece) => piece.toUpperCase()),
    TracedText.concat(rest).map((piece) => piece.toLowerCase()),
  ]);
}

export function replaceText(text: TracedText, { positional, named }: Arguments): TracedText {
  const [old, replacement, most] = positional;
  return text.replace(
    textArgument(old, 'replace').value,
    textArgument(replacement, 'replace'),
    countArgument(most ?? named.get('count')),
  );
}

const textMethods: Readonly<Record<string, TextMethod>> = {
  upper: (text) => text.map((piece) => piece.toUpperCase()),
  lower: (text) => text.map((piece) => piece.toLowerCase()),
  title: (text) => text.map(titleCase),
  capitalize,
  strip: strip(true, true),
  lstrip: strip(true, false),
  rstrip: strip(false, true),
  startswith: affix((text, part) => text.startsWith(part)),
  endswith: affix((text, part) => text.endsWith(part)),
  replace: replaceText,
  split: (text, { positional: [separator, most], named }) =>
    new List(
      text.split(
        separator instanceof TracedText ? separator.value : undefined,
        countArgument(most ?? named.get('maxsplit')),
      ),
    ),
  splitlines: (text) => new List(text.value === '' ? [] : text.split('\n')),
  join: (text, { positional: [items] }) =>
    TracedText.join(
      iterate(items).map((item) => toText(item)),
      text,
    ),
  count: (text, { positional: [part] }) => text.split(textArgument(part, 'count').value).length - 1,
  find: (text, { positional: [part] }) => text.value.indexOf(textArgument(part, 'find').value),
  removeprefix: (text, { positional: [part] }) => {
    const prefix = textArgument(part, 'removeprefix').value;
    return text.value.startsWith(prefix) ? text.slice(prefix.length) : text;
  },
  removesuffix: (text, { positional: [part] }) => {
    const suffix = textArgument(part, 'removesuffix').value;
    return text.value.endsWith(suffix) ? text.slice(0, text.value.length - suffix.length) : text;
  },
};

const mappingMethods: Readonly<Record<string, (mapping: Mapping, args: Arguments) => Value>> = {
  items: itemsOf,
  keys: keysOf,
  values: (mapping) => new List([...mapping.entries.values()], mapping.source),
  get: (mapping, { positional: [key, otherwise = null] }) => {
    const name = textArgument(key, 'get').value;
    return mapping.entries.has(name) ? mapping.entries.get(name) : otherwise;
  },
};

/** A method that Python's `str` or `dict` has, bound to the value; `undefined` if there is none. */
export function methodOf(value: Value, name: string): Callable | undefined {
  if (value instanceof TracedText && Object.hasOwn(textMethods, name))
    return new Callable((args) => textMethods[name]?.(value, args));
  if (value instanceof Mapping && Object.hasOwn(mappingMethods, name))
    return new Callable((args) => mappingMethods[name]?.(value, args));
  return undefined;
}
