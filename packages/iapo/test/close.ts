import { expect } from 'vitest';

/** Asserts that two nested lists of numbers agree to an absolute tolerance, naming the first place that does not. */
export function expectClose(
  actual: unknown,
  expected: unknown,
  tolerance: number,
  path = '',
): void {
  if (typeof expected === 'number') {
    const distance = typeof actual === 'number' ? Math.abs(actual - expected) : Number.NaN;
    expect(
      distance <= tolerance,
      `${path}: expected ${expected} ± ${tolerance}, got ${String(actual)}`,
    ).toBe(true);
    return;
  }
  if (expected === null || typeof expected !== 'object') {
    expect(actual, path).toEqual(expected);
    return;
  }
  const [left, right] = [Object.entries(Object(actual)), Object.entries(expected)];
  expect(left.length, `${path}: length`).toBe(right.length);
  for (const [key, value] of right) {
    expectClose(Object(actual)[key], value, tolerance, `${path}.${key}`);
  }
}
