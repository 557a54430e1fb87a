import type { WeightSource } from './weight-source.js';

/** Elements that are taken from a source at once: few enough for the cache, enough to cost no calls. */
const pieceElements = 1 << 16;

/** A matrix `[rows, columns]` in the layout of MatMulNBits. */
export interface FourBitMatrix {
  /** Two numbers a byte, the first in the low half: `[rows, blocks, blockSize / 2]`. */
  readonly packed: Uint8Array;
  /** `[rows, blocks]` */
  readonly scales: Float32Array;
}

/**
 * Rounds a matrix to 4 bits, w ≈ (q − 8)·s with q in 0 … 15 and one s for each block of a row.
 *
 * s is the block's number of largest size over −8, so that this number is kept exactly: the symmetric rule of
 * ONNX Runtime's `MatMul4BitsQuantizer`. A last block that is not full is padded with zeros.
 */
export function quantizeToFourBits(
  source: WeightSource,
  name: string,
  dims: readonly [rows: number, columns: number],
  blockSize: number,
): FourBitMatrix {
  const [rows, columns] = dims;
  const blocks = Math.ceil(columns / blockSize);
  const packed = new Uint8Array((rows * blocks * blockSize) / 2).fill(0x88);
  const scales = new Float32Array(rows * blocks);
  const rowsAtOnce = Math.max(1, Math.floor(pieceElements / columns));
  for (let row = 0; row < rows; row += rowsAtOnce) {
    const values = new Float32Array(Math.min(rowsAtOnce, rows - row) * columns);
    source(name, dims, row * columns, values);
    for (let start = 0, block = row * blocks; start < values.length; start += columns) {
      for (let column = 0; column < columns; column += blockSize, block++) {
        const end = start + Math.min(column + blockSize, columns);
        scales[block] = quantizeBlock(values, start + column, end, packed, block * blockSize);
      }
    }
  }
  return { packed, scales };
}

/** Packs `values[from … to)` from element `target` on and returns their scale. */
function quantizeBlock(
  values: Float32Array,
  from: number,
  to: number,
  packed: Uint8Array,
  target: number,
): number {
  const scale = Math.fround(largest(values, from, to) / -8);
  if (scale === 0) return 0;
  const inverse = 1 / scale;
  for (let index = from, byte = target >> 1; index < to; index += 2, byte++) {
    const low = level((values[index] ?? 0) * inverse);
    const high = index + 1 < to ? level((values[index + 1] ?? 0) * inverse) : 8;
    packed[byte] = low | (high << 4);
  }
  return scale;
}

/** The number of largest size, with its sign. */
function largest(values: Float32Array, from: number, to: number): number {
  let found = 0;
  for (let index = from; index < to; index++) {
    const value = values[index] ?? 0;
    if (Math.abs(value) > Math.abs(found)) found = value;
  }
  return found;
}

/** The nearest of −8 … 7, plus 8; `steps` lies in [−8, 8], as s comes from the largest number. */
function level(steps: number): number {
  const nearest = (steps + 8.5) | 0;
  return Math.min(nearest, 15);
}

/**
 * The same weights as a 4-bit model has them: matrices whose name `isQuantized` accepts are rounded.
 *
 * A float model made from it computes what the 4-bit model does.
 */
export function roundedToFourBits(
  source: WeightSource,
  blockSize: number,
  isQuantized: (name: string) => boolean,
): WeightSource {
  return (name, dims, start, into) => {
    source(name, dims, start, into);
    const columns = dims[1];
    if (columns === undefined || !isQuantized(name)) return;
    // Blocks begin at the starts of rows, so a piece has to hold whole rows to be rounded alone.
    const first = Math.floor(start / columns) * columns;
    const last = Math.ceil((start + into.length) / columns) * columns;
    const values = new Float32Array(last - first);
    source(name, dims, first, values);
    const scratch = new Uint8Array(blockSize / 2);
    for (let row = 0; row < values.length; row += columns) {
      for (let column = 0; column < columns; column += blockSize) {
        const from = row + column;
        const to = row + Math.min(column + blockSize, columns);
        const scale = quantizeBlock(values, from, to, scratch, 0);
        for (let index = from; index < to; index++) {
          const byte = scratch[(index - from) >> 1] ?? 0;
          const quantized = (index - from) % 2 === 0 ? byte & 15 : byte >> 4;
          values[index] = scale === 0 ? 0 : (quantized - 8) * scale;
        }
      }
    }
    into.set(values.subarray(start - first, start - first + into.length));
  };
}
