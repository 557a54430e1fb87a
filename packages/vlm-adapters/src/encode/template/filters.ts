import { toJson } from './json.js';
import { capitalize, replaceText, titleCase } from './methods.js';
import { compareValues } from './operators.js';
import { templateTests } from './tests.js';
import { TracedText, templateSource } from './traced-text.js';
import {
  type Arguments,
  areEqual,
  isTruthy,
  itemsOf,
  iterate,
  List,
  Mapping,
  toText,
  typeName,
  type Value,
} from './values.js';

type TemplateFilter = (value: Value, args: Arguments) => Value;

/** An argument by place or by name. */
function argument({ positional, named }: Arguments, place: number, name: string): Value {
  return positional[place] ?? named.get(name);
}

function textOption(value: Value, otherwise: string): string {
  return value instanceof TracedText ? value.value : otherwise;
}

function listOf(value: Value): List {
  return new List(iterate(value), value instanceof List ? value.source : null);
}

/** `a.b.0` of a value, as filters name attributes. */
function attributeOf(value: Value, path: string): Value {
  return path.split('.').reduce<Value>((current, name) => {
    if (current instanceof Mapping) return current.entries.get(name);
    return current instanceof List ? current.items[Number(name)] : undefined;
  }, value);
}

function lengthOf(value: Value): number {
  if (value instanceof TracedText) return Array.from(value.value).length;
  return iterate(value).length;
}

/** Keeps the items for which a test holds: `select`, `reject`, `selectattr`, `rejectattr`. */
function choose(isKept: boolean, byAttribute: boolean): TemplateFilter {
  return (value, { positional }) => {
    const [attribute, ...rest] = byAttribute ? positional : [undefined, ...positional];
    const [testName, operand] = rest;
    const holds = (item: Value): boolean => {
      const tested = byAttribute ? attributeOf(item, textOption(attribute, '')) : item;
      if (testName === undefined) return isTruthy(tested);
      const name = textOption(testName, '');
      if (['equalto', 'eq', '=='].includes(name)) return areEqual(tested, operand);
      if (name === 'in') return iterate(operand).some((member) => areEqual(member, tested));
      const test = Object.hasOwn(templateTests, name) ? templateTests[name] : undefined;
      if (test === undefined) throw new Error(`the test "${name}" is not known`);
      return test(tested);
    };
    return new List(
      iterate(value).filter((item) => holds(item) === isKept),
      value instanceof List ? value.source : null,
    );
  };
}

function numberFilter(parse: (text: string) => number): TemplateFilter {
  return (value, args) => {
    const number = value instanceof TracedText ? parse(value.value) : Number(value ?? Number.NaN);
    if (!Number.isNaN(number)) return number;
    return argument(args, 0, 'default') ?? 0;
  };
}

function indent(value: Value, args: Arguments): Value {
  const width = argument(args, 0, 'width') ?? 4;
  const prefix =
    width instanceof TracedText ? width : TracedText.of(' '.repeat(Number(width)), templateSource);
  const first = isTruthy(argument(args, 1, 'first'));
  const blank = isTruthy(argument(args, 2, 'blank'));
  const lines = toText(value).split('\n');
  const indented = lines.map((line, index) =>
    (index === 0 ? first : blank || line.value !== '') ? TracedText.concat([prefix, line]) : line,
  );
  return TracedText.join(indented, TracedText.of('\n', templateSource));
}

/** Jinja's filters that chat templates use, with the meaning that Jinja gives them. */
const filters: Readonly<Record<string, TemplateFilter>> = {
  safe: (value) => value,
  string: (value) => toText(value),
  upper: (value) => toText(value).map((piece) => piece.toUpperCase()),
  lower: (value) => toText(value).map((piece) => piece.toLowerCase()),
  title: (value) => toText(value).map(titleCase),
  capitalize: (value) => capitalize(toText(value)),
  trim: (value, args) => {
    const characters = argument(args, 0, 'chars');
    return toText(value).strip(
      { left: true, right: true },
      characters instanceof TracedText ? characters.value : undefined,
    );
  },
  replace: (value, args) => replaceText(toText(value), args),
  indent,
  int: numberFilter((text) => Number.parseInt(text, 10)),
  float: numberFilter(Number.parseFloat),
  abs: (value) => Math.abs(Number(value)),
  length: lengthOf,
  count: lengthOf,
  list: listOf,
  first: (value) => iterate(value)[0],
  last: (value) => iterate(value).at(-1),
  reverse: (value) =>
    value instanceof TracedText
      ? TracedText.concat(value.characters().reverse())
      : new List([...iterate(value)].reverse(), listOf(value).source),
  unique: (value) =>
    new List(
      iterate(value).filter(
        (item, index, all) => all.findIndex((other) => areEqual(other, item)) === index,
      ),
    ),
  sort: (value, args) => {
    const attribute = argument(args, 2, 'attribute');
    const isReversed = isTruthy(argument(args, 0, 'reverse'));
    const isCaseSensitive = isTruthy(argument(args, 1, 'case_sensitive'));
    const key = (item: Value): Value => {
      const chosen = attribute === undefined ? item : attributeOf(item, textOption(attribute, ''));
      return chosen instanceof TracedText && !isCaseSensitive
        ? chosen.map((piece) => piece.toLowerCase())
        : chosen;
    };
    const order = (a: Value, b: Value): number => compareValues(key(a), key(b));
    return new List([...iterate(value)].sort((a, b) => (isReversed ? order(b, a) : order(a, b))));
  },
  dictsort: (value) => {
    if (!(value instanceof Mapping))
      throw new Error(`dictsort expects a mapping, got ${typeName(value)}`);
    const { items, source } = itemsOf(value);
    const key = (item: Value): string =>
      item instanceof List ? toText(item.items[0]).value.toLowerCase() : '';
    return new List(
      [...items].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0)),
      source,
    );
  },
  items: (value) => {
    if (value instanceof Mapping) return itemsOf(value);
    if (value === undefined) return new List([]);
    throw new Error(`items expects a mapping, got ${typeName(value)}`);
  },
  join: (value, args) => {
    const attribute = argument(args, 1, 'attribute');
    const items = iterate(value).map((item) =>
      toText(attribute === undefined ? item : attributeOf(item, textOption(attribute, ''))),
    );
    return TracedText.join(items, toText(argument(args, 0, 'd')));
  },
  map: (value, { positional: [name, ...rest], named }) => {
    const attribute = named.get('attribute');
    if (attribute === undefined) {
      const filter = templateFilter(textOption(name, ''));
      return new List(iterate(value).map((item) => filter(item, { positional: rest, named })));
    }
    const otherwise = named.get('default');
    return new List(
      iterate(value).map((item) => attributeOf(item, textOption(attribute, '')) ?? otherwise),
    );
  },
  select: choose(true, false),
  reject: choose(false, false),
  selectattr: choose(true, true),
  rejectattr: choose(false, true),
  default: (value, args) => {
    const isReplaced =
      value === undefined || (isTruthy(argument(args, 1, 'boolean')) && !isTruthy(value));
    return isReplaced ? (argument(args, 0, 'default_value') ?? toText(undefined)) : value;
  },
  tojson: (value, { named }) => {
    const indentation = named.get('indent');
    const width = typeof indentation === 'number' ? indentation : null;
    const separators = named.get('separators');
    const [item, key] = separators instanceof List ? separators.items : [];
    return toJson(value, {
      indent: width,
      itemSeparator: textOption(item, width === null ? ', ' : ','),
      keySeparator: textOption(key, ': '),
      sortKeys: isTruthy(named.get('sort_keys')),
      ensureAscii: isTruthy(named.get('ensure_ascii')),
    });
  },
};

const shortNames: Readonly<Record<string, string>> = { d: 'default' };

export function templateFilter(name: string): TemplateFilter {
  const full = (Object.hasOwn(shortNames, name) ? shortNames[name] : undefined) ?? name;
  const filter = Object.hasOwn(filters, full) ? filters[full] : undefined;
  if (filter === undefined) throw new Error(`the filter "${name}" is not known`);
  return filter;
}
