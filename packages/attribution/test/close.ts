import { expect } from 'vitest';

/** Absolute below magnitude 1, relative above: the tolerance of the reference cases in float64. */
export const referenceTolerance = 1e-9;

/** Compares nested number arrays, reporting the worst entry. */
export function expectClose(
  actual: unknown,
  expected: unknown,
  where: string,
  tolerance: number = referenceTolerance,
): void {
  const got = flatten(actual);
  const wanted = flatten(expected);
  expect(got.length, `${where}: number of entries`).toBe(wanted.length);
  let worst = 0;
  let worstAt = 0;
  for (const [index, value] of wanted.entries()) {
    const error = Math.abs(got[index]! - value) / Math.max(1, Math.abs(value));
    if (!(error <= worst)) {
      worst = error;
      worstAt = index;
    }
  }
  expect(
    worst <= tolerance,
    `${where}: entry ${worstAt} is ${got[worstAt]}, expected ${wanted[worstAt]} (error ${worst}, tolerance ${tolerance})`,
  ).toBe(true);
}

function flatten(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  if (Array.isArray(value) || ArrayBuffer.isView(value))
    return Array.from(value as ArrayLike<unknown>).flatMap(flatten);
  throw new TypeError(`not numbers: ${String(value)}`);
}
