import { expect } from 'vitest';

/**
 * Asserts |actual − expected| ≤ atol + rtol·|expected| for every number, and names the worst.
 * @param expected `null` matches null or NaN.
 */
export function expectAllClose(
  actual: ArrayLike<number | null>,
  expected: ArrayLike<number | null>,
  { atol, rtol = 0, what = '' }: { atol: number; rtol?: number; what?: string },
): void {
  expect(actual.length, `${what}: length`).toBe(expected.length);
  for (let i = 0; i < expected.length; i += 1) {
    const want = expected[i]!;
    const got = actual[i] ?? Number.NaN;
    if (want === null) {
      expect(Number.isNaN(got), `${what}[${i}]: expected nothing, got ${got}`).toBe(true);
      continue;
    }
    const error = Math.abs(got - want);
    const isClose = error <= atol + rtol * Math.abs(want);
    expect(isClose, `${what}[${i}]: expected ${want}, got ${got}`).toBe(true);
  }
}

/** `expectAllClose` over rows. */
export function expectRowsClose(
  actual: readonly ArrayLike<number>[],
  expected: readonly ArrayLike<number>[],
  options: { atol: number; rtol?: number; what?: string },
): void {
  expect(actual.length, `${options.what ?? ''}: rows`).toBe(expected.length);
  expected.forEach((row, i) => {
    expectAllClose(actual[i]!, row, { ...options, what: `${options.what ?? ''}[${i}]` });
  });
}
