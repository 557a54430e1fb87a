/** Bit pattern of an IEEE half-precision number → the number. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);

/**
 * A number → the nearest half-precision bit pattern, ties to even; beyond the range it is infinity.
 *
 * @param value A number that float32 holds exactly: then it is rounded once.
 */
export function toHalf(value: number): number {
  float[0] = value;
  const bits = floatBits[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // 65520 is half way between the largest half, 65504, and the next step.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Below 2^-14 halves are multiples of 2^-24: float64 holds the quotient, so it is rounded once.
    return sign | roundHalfToEven(Math.abs(value) * 2 ** 24);
  }
  const kept = magnitude >>> 13;
  const rest = magnitude & 0x1fff;
  const up = rest > 0x1000 || (rest === 0x1000 && (kept & 1) === 1) ? 1 : 0;
  return sign | (kept + up - (112 << 10));
}

/** Bit pattern of a bfloat16 number → the number. */
export function fromBfloat16(bits: number): number {
  floatBits[0] = bits << 16;
  return float[0] ?? 0;
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
