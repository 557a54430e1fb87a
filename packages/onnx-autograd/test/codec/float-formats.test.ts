import { describe, expect, it } from 'vitest';
import { type FloatFormatName, floatFromBits, floatToBits } from '../../src/codec/float-formats.js';
import { randomNumbers } from './support/random.js';

const patterns = 65_536;

/**
 * float16 by another way than the codec's: the fraction and exponent are moved to their places in a
 * float32, whose own arithmetic then corrects the difference of the biases (and makes subnormals normal).
 */
function float16ByFloat32(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  const magnitude = bits & 0x7fff;
  if (magnitude >= 0x7c00) {
    view.setUint32(0, 0x7f800000 | ((bits & 0x3ff) << 13));
    return bits & 0x8000 ? -view.getFloat32(0) : view.getFloat32(0);
  }
  view.setUint32(0, magnitude << 13);
  const value = view.getFloat32(0) * 2 ** 112;
  return bits & 0x8000 ? -value : value;
}

/** bfloat16 is the upper half of a float32. */
function bfloat16ByFloat32(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint16(0, bits);
  return view.getFloat32(0);
}

const independent = { float16: float16ByFloat32, bfloat16: bfloat16ByFloat32 } as const;

const names = ['float16', 'bfloat16'] as const;

describe.each(names)('%s', (name) => {
  const fromBits = independent[name];
  const finite = Array.from({ length: patterns / 2 }, (_, bits) => bits).filter((bits) =>
    Number.isFinite(fromBits(bits)),
  );

  it('reads all 65,536 patterns', () => {
    for (let bits = 0; bits < patterns; bits++) {
      const [value, expected] = [floatFromBits(name, bits), fromBits(bits)];
      if (!Object.is(value, expected)) expect([bits, value]).toEqual([bits, expected]);
    }
    // Fails if the loop compared nothing but zeros.
    expect(floatFromBits(name, name === 'float16' ? 0x3c00 : 0x3f80)).toBe(1);
  });

  it('writes every number that it can hold as the same pattern', () => {
    let nans = 0;
    for (let bits = 0; bits < patterns; bits++) {
      const value = fromBits(bits);
      if (Number.isNaN(value)) {
        expect(fromBits(floatToBits(name, value))).toBeNaN();
        nans++;
      } else if (floatToBits(name, value) !== bits) {
        expect([value, floatToBits(name, value)]).toEqual([value, bits]);
      }
    }
    // All patterns of the largest exponent but the two infinities.
    expect(nans).toBe(name === 'float16' ? 2 * 1023 : 2 * 127);
  });

  it('rounds numbers between any two neighbours to the nearer, ties to even', () => {
    for (let index = 0; index + 1 < finite.length; index++) {
      const [low, high] = [finite[index] as number, finite[index + 1] as number];
      const middle = (fromBits(low) + fromBits(high)) / 2;
      const even = low % 2 === 0 ? low : high;
      // The doubles next to the middle, which float32 cannot tell from it.
      const step = middle * 2 ** -52;
      const results = [middle - step, middle, middle + step].map((value) =>
        floatToBits(name, value),
      );
      if (results.join() !== [low, even, high].join()) {
        expect([middle, results]).toEqual([middle, [low, even, high]]);
      }
    }
  });

  it('rounds to infinity from half a step above the largest number', () => {
    const [before, largest] = [finite.at(-2) as number, finite.at(-1) as number];
    const limit = fromBits(largest) + (fromBits(largest) - fromBits(before)) / 2;
    expect(floatToBits(name, limit - limit * 2 ** -52)).toBe(largest);
    for (const value of [limit, 2 * limit, Number.MAX_VALUE, Number.POSITIVE_INFINITY]) {
      expect(fromBits(floatToBits(name, value))).toBe(Number.POSITIVE_INFINITY);
      expect(fromBits(floatToBits(name, -value))).toBe(Number.NEGATIVE_INFINITY);
    }
  });

  it('rounds the smallest doubles to zero and keeps the sign', () => {
    expect(floatToBits(name, Number.MIN_VALUE)).toBe(0);
    expect(floatToBits(name, -Number.MIN_VALUE)).toBe(0x8000);
    expect(floatToBits(name, -0)).toBe(0x8000);
  });

  it('is monotonous over random numbers', () => {
    const random = randomNumbers(11);
    const values = Array.from(
      { length: 20_000 },
      () => (random() - 0.5) * 2 ** (60 * random() - 30),
    );
    values.sort((a, b) => a - b);
    const rounded = values.map((value) => fromBits(floatToBits(name, value)));
    expect(
      rounded.every((value, index) => index === 0 || (rounded[index - 1] as number) <= value),
    ).toBe(true);
  });
});

describe('8- and 4-bit formats', () => {
  // Values by the tables of https://onnx.ai/onnx/technical/float8.html and float4.html.
  const cases: readonly [FloatFormatName, number, number][] = [
    ['float8e4m3fn', 0x7e, 448],
    ['float8e4m3fn', 0x08, 2 ** -6],
    ['float8e4m3fn', 0x01, 2 ** -9],
    ['float8e4m3fn', 0x80, -0],
    ['float8e4m3fn', 0x7f, Number.NaN],
    ['float8e4m3fn', 0xff, Number.NaN],
    ['float8e4m3fnuz', 0x7f, 240],
    ['float8e4m3fnuz', 0x08, 2 ** -7],
    ['float8e4m3fnuz', 0x01, 2 ** -10],
    ['float8e4m3fnuz', 0x80, Number.NaN],
    ['float8e5m2', 0x7b, 57_344],
    ['float8e5m2', 0x04, 2 ** -14],
    ['float8e5m2', 0x01, 2 ** -16],
    ['float8e5m2', 0x7c, Number.POSITIVE_INFINITY],
    ['float8e5m2', 0xfc, Number.NEGATIVE_INFINITY],
    ['float8e5m2', 0x7d, Number.NaN],
    ['float8e5m2fnuz', 0x7f, 57_344],
    ['float8e5m2fnuz', 0x04, 2 ** -15],
    ['float8e5m2fnuz', 0x01, 2 ** -17],
    ['float8e5m2fnuz', 0x80, Number.NaN],
  ];

  it.each(cases)('%s reads %i as %d', (name, bits, expected) => {
    expect(floatFromBits(name, bits)).toBe(expected);
  });

  it('float4e2m1 reads its sixteen patterns', () => {
    const values = Array.from({ length: 16 }, (_, bits) => floatFromBits('float4e2m1', bits));
    const positive = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
    expect(values).toEqual([...positive, ...positive.map((value) => -value)]);
  });
});
