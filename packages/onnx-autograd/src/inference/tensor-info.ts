import type { ElementType } from '../codec/element-types.js';
import type { Dimension } from '../codec/model.js';

/**
 * What is known about a value before the graph runs.
 *
 * Dimensions are numbers or symbols; two equal symbols are equal sizes. A size of which nothing is known
 * gets a symbol of its own, so "known to be equal" is plain equality throughout.
 */
export interface TensorInfo {
  readonly type: ElementType | undefined;
  /** A string stands for a shape of unknown rank: equal strings are equal shapes. */
  readonly shape: readonly Dimension[] | string;
  /** Elements of a small integer tensor in row-major order, as far as they are known or named. */
  readonly values?: readonly Dimension[];
}

/** Makes symbols for sizes and shapes that are not known. */
export class SymbolSource {
  #count = 0;
  readonly #equals = new Map<string, Dimension>();

  dimension(): string {
    return `?${this.#count++}`;
  }

  /** An element of an integer tensor of which nothing is known: it may be negative, which no size is. */
  value(): string {
    return `?!${this.#count++}`;
  }

  shape(): string {
    return `shape?${this.#count++}`;
  }

  /** Records that two sizes are equal whenever the graph runs, because an operator would refuse others. */
  equate(a: Dimension, b: Dimension): void {
    const [left, right] = [this.resolve(a), this.resolve(b)];
    if (left === right) return;
    // What says more stays: a number, then a name of the file or an expression of such names.
    const [kept, replaced] = certainty(left) >= certainty(right) ? [left, right] : [right, left];
    if (typeof replaced === 'string') this.#equals.set(replaced, kept);
  }

  /** The name, or number, under which a size is known. */
  resolve(dimension: Dimension): Dimension {
    let resolved = dimension;
    while (typeof resolved === 'string') {
      const equal = this.#equals.get(resolved);
      if (equal === undefined) return resolved;
      resolved = equal;
    }
    return resolved;
  }

  /** A shape, or elements of an integer tensor, under the names that are known by now. */
  resolveAll(dimensions: readonly Dimension[]): readonly Dimension[] {
    if (this.#equals.size === 0) return dimensions;
    return dimensions.some((dimension) => this.resolve(dimension) !== dimension)
      ? dimensions.map((dimension) => this.resolve(dimension))
      : dimensions;
  }
}

function certainty(dimension: Dimension): number {
  if (typeof dimension === 'number') return 2;
  return dimension.includes('?') ? 0 : 1;
}

/** Whether a tracked element of an integer tensor may be below 0: -1 means something else in a shape. */
export function mayBeNegative(value: Dimension): boolean {
  return typeof value === 'number' ? value < 0 : /[!-]/.test(value);
}

export function knownShape(info: TensorInfo | undefined): readonly Dimension[] | undefined {
  return info === undefined || typeof info.shape === 'string' ? undefined : info.shape;
}

/** Whether two shapes are certainly equal. */
export function sameShape(
  a: readonly Dimension[] | string,
  b: readonly Dimension[] | string,
): boolean {
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);
}

/** Product of two sizes; symbols are kept in sorted order, so that equal products have equal names. */
export function multiplyDimensions(a: Dimension, b: Dimension): Dimension {
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  if (a === 0 || b === 0) return 0;
  const factors = [...factorsOf(a), ...factorsOf(b)];
  const number = factors.reduce<number>(
    (product, f) => (typeof f === 'number' ? product * f : product),
    1,
  );
  const names = factors.filter((factor) => typeof factor === 'string').sort();
  return [...(number === 1 ? [] : [`${number}`]), ...names].join('*');
}

/** Exact quotient of two sizes where the symbols cancel, else `undefined`. */
export function divideDimensions(total: Dimension, divisor: Dimension): Dimension | undefined {
  const above = factorsOf(total);
  let number = 1;
  for (const factor of factorsOf(divisor)) {
    if (typeof factor === 'number') {
      number *= factor;
      continue;
    }
    const index = above.indexOf(factor);
    if (index < 0) return undefined;
    above.splice(index, 1);
  }
  const numerator = above.reduce<number>(
    (product, f) => (typeof f === 'number' ? product * f : product),
    1,
  );
  if (number === 0 || numerator % number !== 0) return undefined;
  return above
    .filter((factor) => typeof factor === 'string')
    .reduce<Dimension>(multiplyDimensions, numerator / number);
}

function factorsOf(dimension: Dimension): Dimension[] {
  if (typeof dimension === 'number') return [dimension];
  // Products within a sum stay together.
  const factors: string[] = [''];
  let depth = 0;
  for (const letter of dimension) {
    if (letter === '(') depth++;
    if (letter === ')') depth--;
    if (letter === '*' && depth === 0) factors.push('');
    else factors[factors.length - 1] += letter;
  }
  return factors.map((factor) => (/^-?\d+$/.test(factor) ? Number(factor) : factor));
}

/** Sum of two sizes; named in sorted order. */
export function addDimensions(a: Dimension, b: Dimension): Dimension {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (a === 0) return b;
  if (b === 0) return a;
  return `(${[`${a}`, `${b}`].sort().join('+')})`;
}

/** Exact difference of two sizes where one is a term of the other, else `undefined`. */
export function subtractDimensions(total: Dimension, part: Dimension): Dimension | undefined {
  if (typeof total === 'number' && typeof part === 'number') return total - part;
  if (total === part) return 0;
  if (part === 0) return total;
  const [left, right, ...others] = typeof total === 'string' ? termsOf(total) : [];
  if (left === undefined || right === undefined || others.length > 0) return undefined;
  const rest = `${part}` === left ? right : `${part}` === right ? left : undefined;
  return rest !== undefined && /^-?\d+$/.test(rest) ? Number(rest) : rest;
}

/** Terms of a sum that `addDimensions` wrote; sums within stay together. */
function termsOf(sum: string): string[] {
  const terms: string[] = [''];
  let depth = 0;
  for (const letter of sum) {
    if (letter === ')') depth--;
    if (depth === 0 && letter !== '(' && letter !== ')') return [];
    if (letter === '+' && depth === 1) terms.push('');
    else if (depth > 0) terms[terms.length - 1] += letter;
    if (letter === '(') depth++;
  }
  return terms.length > 1 ? terms : [];
}

export function productOf(dimensions: readonly Dimension[]): Dimension {
  return dimensions.reduce<Dimension>(multiplyDimensions, 1);
}

/** Shape that numpy broadcasting gives. */
export function broadcastShapes(
  a: readonly Dimension[] | string,
  b: readonly Dimension[] | string,
  symbols: SymbolSource,
): readonly Dimension[] | string {
  if (sameShape(a, b)) return a;
  if (typeof a === 'string' || typeof b === 'string') {
    // A scalar changes nothing.
    if (a.length === 0) return b;
    if (b.length === 0) return a;
    return symbols.shape();
  }
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis): Dimension => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left === right || right === 1) return left;
    if (left === 1) return right;
    if (typeof left === 'number') return left;
    if (typeof right === 'number') return right;
    return symbols.dimension();
  });
}

/** An axis counted from the start. */
export function normalizeAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}
