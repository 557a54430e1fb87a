import { TracedText } from './traced-text.js';
import { Callable, List, Mapping, type Value } from './values.js';

const isSequence = (value: Value): boolean =>
  value instanceof List || value instanceof Mapping || value instanceof TracedText;

function numberOf(value: Value): number {
  if (typeof value === 'number') return value;
  throw new Error('only numbers are odd or even');
}

/** Jinja's tests, as in `value is defined`. */
export const templateTests: Readonly<Record<string, (value: Value) => boolean>> = {
  defined: (value) => value !== undefined,
  undefined: (value) => value === undefined,
  none: (value) => value === null,
  string: (value) => value instanceof TracedText,
  number: (value) => typeof value === 'number' || typeof value === 'boolean',
  integer: (value) => Number.isInteger(value),
  float: (value) => typeof value === 'number' && !Number.isInteger(value),
  boolean: (value) => typeof value === 'boolean',
  true: (value) => value === true,
  false: (value) => value === false,
  mapping: (value) => value instanceof Mapping,
  sequence: isSequence,
  iterable: (value) => isSequence(value) || value === undefined,
  callable: (value) => value instanceof Callable,
  odd: (value) => numberOf(value) % 2 !== 0,
  even: (value) => numberOf(value) % 2 === 0,
  upper: (value) => value instanceof TracedText && value.value === value.value.toUpperCase(),
  lower: (value) => value instanceof TracedText && value.value === value.value.toLowerCase(),
};
