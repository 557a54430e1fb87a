import { describe, expect, it } from 'vitest';
import { fromBfloat16, fromHalf, toHalf } from './float-formats.js';

const finiteHalves = Array.from({ length: 0x7c00 }, (_, bits) => bits);

describe('half precision', () => {
  it('comes back from every bit pattern', () => {
    for (const bits of finiteHalves) {
      expect(toHalf(fromHalf(bits))).toBe(bits);
      expect(toHalf(fromHalf(bits | 0x8000))).toBe(bits | 0x8000);
    }
    expect(fromHalf(0x7c00)).toBe(Number.POSITIVE_INFINITY);
    expect(fromHalf(0xfe00)).toBeNaN();
  });

  it('rounds to the nearest, ties to even, between every two neighbors', () => {
    for (const bits of finiteHalves.slice(0, -1)) {
      const [low, high] = [fromHalf(bits), fromHalf(bits + 1)];
      const middle = (low + high) / 2; // Exact in float32: one bit more than a half has.
      expect(toHalf(middle)).toBe(bits % 2 === 0 ? bits : bits + 1);
      expect(toHalf(Math.fround(middle + (high - low) / 64))).toBe(bits + 1);
      expect(toHalf(Math.fround(middle - (high - low) / 64))).toBe(bits);
    }
  });

  it('knows the ends of the range', () => {
    expect(toHalf(65519.99)).toBe(0x7bff);
    expect(toHalf(65520)).toBe(0x7c00);
    expect(toHalf(-1e9)).toBe(0xfc00);
    expect(toHalf(2 ** -25)).toBe(0);
    expect(toHalf(2 ** -25 * 1.01)).toBe(1);
    expect(fromHalf(toHalf(Number.NaN))).toBeNaN();
  });

  it('reads bfloat16 as the upper half of a float32', () => {
    expect(fromBfloat16(0x3f80)).toBe(1);
    expect(fromBfloat16(0xc0a0)).toBe(-5);
  });
});
