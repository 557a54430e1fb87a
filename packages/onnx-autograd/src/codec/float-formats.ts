/** Layout of a floating-point format of 16 bits or fewer: sign, exponent, fraction. */
export interface FloatFormat {
  readonly exponentBits: number;
  readonly fractionBits: number;
  readonly bias: number;
  /**
   * What the patterns at the end of the range mean: `ieee`, infinities and NaN under the largest
   * exponent; `nan`, NaN with all bits set and no infinity; `negative-zero`, NaN in place of -0 and no
   * infinity; `none`, all are numbers.
   */
  readonly special: 'ieee' | 'nan' | 'negative-zero' | 'none';
}

/** Name of a small floating-point format. */
export type FloatFormatName =
  | 'float16'
  | 'bfloat16'
  | 'float8e4m3fn'
  | 'float8e4m3fnuz'
  | 'float8e5m2'
  | 'float8e5m2fnuz'
  | 'float4e2m1';

/**
 * Small floating-point formats of ONNX.
 *
 * @see https://onnx.ai/onnx/technical/float8.html
 * @see https://onnx.ai/onnx/technical/float4.html
 */
export const floatFormats: Readonly<Record<FloatFormatName, FloatFormat>> = {
  float16: { exponentBits: 5, fractionBits: 10, bias: 15, special: 'ieee' },
  bfloat16: { exponentBits: 8, fractionBits: 7, bias: 127, special: 'ieee' },
  float8e4m3fn: { exponentBits: 4, fractionBits: 3, bias: 7, special: 'nan' },
  float8e4m3fnuz: { exponentBits: 4, fractionBits: 3, bias: 8, special: 'negative-zero' },
  float8e5m2: { exponentBits: 5, fractionBits: 2, bias: 15, special: 'ieee' },
  float8e5m2fnuz: { exponentBits: 5, fractionBits: 2, bias: 16, special: 'negative-zero' },
  float4e2m1: { exponentBits: 2, fractionBits: 1, bias: 1, special: 'none' },
};

/** The number that a bit pattern stands for. */
export function floatFromBits(name: FloatFormatName, bits: number): number {
  const { exponentBits, fractionBits, bias, special }: FloatFormat = floatFormats[name];
  const signBit = 1 << (exponentBits + fractionBits);
  const magnitudeBits = bits & (signBit - 1);
  const isNegative = (bits & signBit) !== 0;
  const sign = isNegative ? -1 : 1;
  const exponent = magnitudeBits >> fractionBits;
  const fraction = magnitudeBits & ((1 << fractionBits) - 1);
  if (special === 'ieee' && exponent === (1 << exponentBits) - 1) {
    return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  }
  if (special === 'nan' && magnitudeBits === signBit - 1) return Number.NaN;
  if (special === 'negative-zero' && isNegative && magnitudeBits === 0) return Number.NaN;
  // Subnormals have the exponent of the smallest normals and no leading one.
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias - fractionBits);
  return sign * (2 ** fractionBits + fraction) * 2 ** (exponent - bias - fractionBits);
}

/**
 * The bit pattern nearest to a number, ties to even; beyond the range it is an infinity, and NaN is the
 * quiet NaN. Rounds once, so it is right for numbers that float32 cannot hold.
 */
export function floatToBits(name: 'float16' | 'bfloat16', value: number): number {
  const { exponentBits, fractionBits, bias } = floatFormats[name];
  const infinity = ((1 << exponentBits) - 1) << fractionBits;
  if (Number.isNaN(value)) return infinity | (1 << (fractionBits - 1));
  const sign = value < 0 || Object.is(value, -0) ? 1 << (exponentBits + fractionBits) : 0;
  const magnitude = Math.abs(value);
  if (magnitude === Number.POSITIVE_INFINITY) return sign | infinity;
  const exponent = Math.max(exponentOf(magnitude), 1 - bias);
  // Exact, as both factors are powers of two that a double holds.
  const steps = roundHalfToEven((magnitude / 2 ** exponent) * 2 ** fractionBits);
  // The leading one of a normal number, 2^fractionBits steps, counts into the exponent field. So does a
  // fraction that was rounded up to the next power of two.
  const bits = (exponent + bias - 1) * 2 ** fractionBits + steps;
  return sign | Math.min(bits, infinity);
}

/** ⌊log₂ magnitude⌋ of a normal double, less than any small format's smallest exponent for others. */
function exponentOf(magnitude: number): number {
  const high = new DataView(Float64Array.of(magnitude).buffer).getUint32(4, true);
  return (high >>> 20) - 1023;
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
