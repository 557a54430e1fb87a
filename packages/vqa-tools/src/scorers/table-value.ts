import { type PythonVersion, parseFloatPython, parseIntPython } from '../python/characters.js';
import { normalizeTableText } from './table-normalize.js';

/** A value of the WikiTableQuestions evaluator: a number, a partial date or a string. */
export type TableValue = { readonly normalized: string } & (
  | { readonly type: 'string' }
  /** Whole numbers are exact; everything within 1e-6 of one was made whole. */
  | { readonly type: 'number'; readonly amount: bigint | number }
  /** −1 stands for an unknown part. */
  | { readonly type: 'date'; readonly year: bigint; readonly month: bigint; readonly day: bigint }
);

/** How values are read. */
export interface TableValueOptions {
  readonly python: PythonVersion;
  /** The canonical form to read instead of the text; an empty one is ignored. */
  readonly canonical?: string | undefined;
}

/**
 * Reads a value as the evaluator does: a number, else a date `yyyy-mm-dd` with `xx` for unknown
 * parts, else a string. NaN and infinity stay strings (TableVQA-Bench's copy stops there; see
 * {@link isNonFinite}).
 */
export function parseTableValue(
  text: string,
  { python, canonical }: TableValueOptions,
): TableValue {
  const source = canonical || text;
  const normalized = normalizeTableText(text, { python });
  const amount = parseAmount(source, python);
  if (amount !== null) return { type: 'number', amount: wholeNumber(amount), normalized };
  const date = parseDate(source, python);
  if (date === null) return { type: 'string', normalized };
  if (date.month === UNKNOWN && date.day === UNKNOWN) {
    return { type: 'number', amount: date.year, normalized };
  }
  return { type: 'date', ...date, normalized };
}

/** Whether a text is a number that is not finite, which stops TableVQA-Bench's evaluator. */
export function isNonFinite(text: string): boolean {
  if (parseIntPython(text) !== null) return false;
  const amount = parseFloatPython(text);
  return amount !== null && !Number.isFinite(amount);
}

/**
 * The evaluator's comparison of two sets: repeated values collapse, the sizes must agree, and each
 * target must match some prediction.
 */
export function tableValuesMatch(
  targets: readonly TableValue[],
  predictions: readonly TableValue[],
): boolean {
  const targetSet = distinct(targets);
  const predictionSet = distinct(predictions);
  if (targetSet.length !== predictionSet.length) return false;
  return targetSet.every((target) => predictionSet.some((value) => matches(target, value)));
}

const UNKNOWN = -1n;

function parseAmount(text: string, python: PythonVersion): bigint | number | null {
  const whole = parseIntPython(text, python);
  if (whole !== null) return whole;
  const amount = parseFloatPython(text, python);
  return amount === null || !Number.isFinite(amount) ? null : amount;
}

/** The original truncates a number that is within 1e-6 of a whole one (2.9999999 becomes 2). */
function wholeNumber(amount: bigint | number): bigint | number {
  if (typeof amount === 'bigint') return amount;
  return Math.abs(amount - Math.round(amount)) < 1e-6 ? BigInt(Math.trunc(amount)) : amount;
}

function parseDate(
  text: string,
  python: PythonVersion,
): { year: bigint; month: bigint; day: bigint } | null {
  const [first = '', second = '', third = '', ...rest] = text.toLowerCase().split('-');
  if (rest.length > 0 || text.split('-').length !== 3) return null;
  const year = first === 'xx' || first === 'xxxx' ? UNKNOWN : parseIntPython(first, python);
  const month = second === 'xx' ? UNKNOWN : parseIntPython(second, python);
  const day = third === 'xx' ? UNKNOWN : parseIntPython(third, python);
  if (year === null || month === null || day === null) return null;
  if (year === UNKNOWN && month === UNKNOWN && day === UNKNOWN) return null;
  const fits = (value: bigint, last: bigint): boolean =>
    value === UNKNOWN || (value >= 1n && value <= last);
  return fits(month, 12n) && fits(day, 31n) ? { year, month, day } : null;
}

function matches(target: TableValue, value: TableValue): boolean {
  if (target.normalized === value.normalized) return true;
  if (target.type === 'number' && value.type === 'number') {
    if (typeof target.amount === 'bigint' && typeof value.amount === 'bigint') {
      return target.amount === value.amount;
    }
    return Math.abs(Number(target.amount) - Number(value.amount)) < 1e-6;
  }
  return target.type === 'date' && value.type === 'date' && sameDate(target, value);
}

function distinct(values: readonly TableValue[]): TableValue[] {
  const byIdentity = new Map(values.map((value) => [identity(value), value]));
  return [...byIdentity.values()];
}

/** Values collapse where this agrees; numbers only when exactly equal. */
function identity(value: TableValue): string {
  if (value.type === 'string') return `string ${value.normalized}`;
  if (value.type === 'number') return `number ${String(value.amount)}`;
  return `date ${value.year} ${value.month} ${value.day}`;
}

type DateValue = TableValue & { readonly type: 'date' };

function sameDate(a: DateValue, b: DateValue): boolean {
  return a.year === b.year && a.month === b.month && a.day === b.day;
}
