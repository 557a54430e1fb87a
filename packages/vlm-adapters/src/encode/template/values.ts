import { type Source, TracedText, templateSource } from './traced-text.js';

/** A value while a template is rendered; `undefined` is Jinja's Undefined, `null` Python's None. */
export type Value =
  | undefined
  | null
  | boolean
  | number
  | TracedText
  | List
  | Mapping
  | Namespace
  | Callable;

export class List {
  readonly items: readonly Value[];
  /** Of lists that were given; `null` for the template's own. */
  readonly source: Source | null;

  constructor(items: readonly Value[], source: Source | null = null) {
    this.items = items;
    this.source = source;
  }
}

export class Mapping {
  readonly entries: ReadonlyMap<string, Value>;
  readonly source: Source | null;

  constructor(entries: ReadonlyMap<string, Value>, source: Source | null = null) {
    this.entries = entries;
    this.source = source;
  }
}

/** `namespace(…)`: the one thing that a template can change from inside a loop. */
export class Namespace {
  readonly entries: Map<string, Value> = new Map();
  /** Names whose values depend on whether there are tools. */
  readonly dependsOnTools: Set<string> = new Set();
}

export interface Arguments {
  readonly positional: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
}

export class Callable {
  readonly call: (args: Arguments) => Value;

  constructor(call: (args: Arguments) => Value) {
    this.call = call;
  }
}

/** Plain data as values; every string in it comes from `source`. */
export function toValue(data: unknown, source: Source): Value {
  if (data === undefined || data === null || typeof data === 'boolean' || typeof data === 'number')
    return data;
  if (typeof data === 'string') return TracedText.of(data, source);
  if (Array.isArray(data)) {
    return new List(
      data.map((item: unknown) => toValue(item, source)),
      source,
    );
  }
  if (typeof data === 'object') {
    const entries = Object.entries(data).filter(([, value]) => value !== undefined);
    return new Mapping(new Map(entries.map(([key, item]) => [key, toValue(item, source)])), source);
  }
  throw new Error(`chat templates take no ${typeof data}`);
}

export function isTruthy(value: Value): boolean {
  if (value instanceof TracedText) return value.value !== '';
  if (value instanceof List) return value.items.length > 0;
  if (value instanceof Mapping) return value.entries.size > 0;
  if (value instanceof Namespace || value instanceof Callable) return true;
  return Boolean(value);
}

/** What Python's `type(value).__name__` would say, for errors. */
export function typeName(value: Value): string {
  if (value === undefined) return 'undefined';
  if (value === null) return 'None';
  if (value instanceof TracedText) return 'a string';
  if (value instanceof List) return 'a list';
  if (value instanceof Mapping) return 'a mapping';
  if (value instanceof Namespace) return 'a namespace';
  if (value instanceof Callable) return 'a function';
  return `a ${typeof value}`;
}

/** Python's `repr` of a number: JavaScript's digits, with the exponent where Python puts one. */
export function numberText(value: number): string {
  if (Number.isInteger(value)) return BigInt(value).toString();
  if (Math.abs(value) >= 1e-4 || !Number.isFinite(value)) return String(value);
  return value.toExponential().replace(/e-(\d)$/, 'e-0$1');
}

/** Python's `str`. Lists and mappings have no text that a prompt should hold. */
export function toText(value: Value, source: Source = templateSource): TracedText {
  if (value instanceof TracedText) return value;
  if (value === undefined) return TracedText.of('', source);
  if (value === null) return TracedText.of('None', source);
  if (typeof value === 'boolean') return TracedText.of(value ? 'True' : 'False', source);
  if (typeof value === 'number') return TracedText.of(numberText(value), source);
  throw new Error(`${typeName(value)} is written out as it is: pass text instead`);
}

/** What Python iterates over: items, keys, or characters. */
export function iterate(value: Value): readonly Value[] {
  if (value instanceof List) return value.items;
  if (value instanceof Mapping) return keysOf(value).items;
  if (value instanceof TracedText) return value.characters();
  if (value === undefined) return [];
  throw new Error(`cannot iterate over ${typeName(value)}`);
}

export function keysOf(mapping: Mapping): List {
  const source = mapping.source ?? templateSource;
  return new List(
    Array.from(mapping.entries.keys(), (key) => TracedText.of(key, source)),
    mapping.source,
  );
}

export function itemsOf(mapping: Mapping): List {
  const source = mapping.source ?? templateSource;
  return new List(
    Array.from(mapping.entries, ([key, value]) => new List([TracedText.of(key, source), value])),
    mapping.source,
  );
}

export function areEqual(left: Value, right: Value): boolean {
  if (left instanceof TracedText && right instanceof TracedText) return left.value === right.value;
  if (left instanceof List && right instanceof List)
    return (
      left.items.length === right.items.length &&
      left.items.every((item, index) => areEqual(item, right.items[index]))
    );
  if (left instanceof Mapping && right instanceof Mapping)
    return (
      left.entries.size === right.entries.size &&
      [...left.entries].every(
        ([key, value]) => right.entries.has(key) && areEqual(value, right.entries.get(key)),
      )
    );
  const plain = (value: Value): Value => (typeof value === 'boolean' ? Number(value) : value);
  return plain(left) === plain(right);
}
