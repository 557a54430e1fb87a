/** How bytes become the numbers that the vision encoder takes. */
export interface Normalization {
  /** Factor of the byte, usually 1/255; `null` leaves it as it is. */
  readonly rescaleFactor: number | null;
  /** One for each channel; `null` leaves out both. */
  readonly mean: readonly number[] | null;
  readonly std: readonly number[] | null;
}

/**
 * The number for each byte of each channel: `(byte * factor - mean) / std`, rounded to float32 after each step, as
 * the PIL image processors of transformers compute it.
 *
 * @returns `[3, 256]`.
 */
export function normalizationTable(normalization: Normalization): Float32Array {
  const { rescaleFactor, mean, std } = normalization;
  const table = new Float32Array(3 * 256);
  for (let channel = 0; channel < 3; channel++) {
    for (let byte = 0; byte < 256; byte++) {
      const scaled = Math.fround(rescaleFactor === null ? byte : byte * rescaleFactor);
      const centered = Math.fround(scaled - Math.fround(mean?.[channel] ?? 0));
      table[channel * 256 + byte] = Math.fround(centered / Math.fround(std?.[channel] ?? 1));
    }
  }
  return table;
}
