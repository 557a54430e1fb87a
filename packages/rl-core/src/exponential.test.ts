import { describe, expect, it } from 'vitest';
import { exponentials } from './exponential.js';
import { seededRandom } from './random.js';

describe('exponentials', () => {
  it('agrees with Math.exp to 4 units in the last place over the whole range', () => {
    const random = seededRandom(1);
    // Small, ordinary and extreme arguments, subnormal results excluded from the relative comparison.
    const values = Float64Array.from({ length: 30_000 }, (_, i) => {
      const scale = [1e-6, 1, 30, 708][i % 4]!;
      return (2 * random.uniform() - 1) * scale;
    });
    const out = new Float64Array(values.length);
    exponentials(values, values.length, out);
    const worst = values.reduce(
      (error, x, i) => Math.max(error, Math.abs(out[i]! / Math.exp(x) - 1)),
      0,
    );
    expect(worst).toBeLessThan(4 * Number.EPSILON);
  });

  it('handles the ends of the range as Math.exp', () => {
    const values = Float64Array.of(0, -0, 710, -746, Number.NaN, Infinity, -Infinity, 700, -700);
    const expected = values.map(Math.exp);
    exponentials(values, values.length, values);
    expect([...values.slice(0, 7)]).toEqual([...expected.slice(0, 7)]);
  });

  it('leaves the rest of the output alone', () => {
    const out = Float64Array.of(7, 7);
    exponentials(Float64Array.of(0, 1), 1, out);
    expect([...out]).toEqual([1, 7]);
  });
});
