import type { FeatureGrid, PlainTensor } from '../types/prompt.js';

/** An image's place in a prompt, for positions. */
export interface ImagePlace {
  /** First placeholder token; the others follow it without a gap. */
  readonly firstToken: number;
  readonly grid: FeatureGrid;
}

/**
 * Position ids of tokens, as `get_rope_index` of Qwen2-VL and its successors numbers them: text counts on in all three
 * planes; the features of an image all begin at the next position and count rows and columns from there; text goes on
 * behind the largest position so far.
 *
 * @param start Position of the first token.
 * @param images In the order of their places. Families with one plane pass none.
 */
export function positionIds(
  length: number,
  planes: number,
  images: readonly ImagePlace[],
  start: number,
): { readonly positions: readonly Int32Array[]; readonly next: number } {
  const positions = Array.from({ length: planes }, () => new Int32Array(length));
  let next = start;
  let token = 0;
  const text = (end: number): void => {
    for (; token < end; token++, next++) for (const plane of positions) plane[token] = next;
  };
  for (const { firstToken, grid } of images) {
    text(firstToken);
    const { rows, columns } = grid;
    for (let index = 0; index < rows * columns; index++, token++) {
      // Time, height, width: a still picture is one moment.
      const place = [0, Math.floor(index / columns), index % columns];
      for (const [plane, values] of positions.entries()) values[token] = next + (place[plane] ?? 0);
    }
    next += Math.max(rows, columns);
  }
  text(length);
  return { positions, next };
}

/**
 * Position ids of a batch of rows of different lengths. Padding is masked, so its positions do not count; they are 0,
 * as in transformers.
 *
 * @returns `[batch, length]` with one plane, else `[planes, batch, length]`; int64.
 */
export function padPositions(
  rows: readonly (readonly Int32Array[])[],
  options: { readonly length: number; readonly side: 'left' | 'right' },
): PlainTensor {
  const { length, side } = options;
  const planes = rows[0]?.length ?? 1;
  const data = new BigInt64Array(planes * rows.length * length);
  for (const [row, positions] of rows.entries())
    for (const [plane, values] of positions.entries()) {
      const start = (plane * rows.length + row) * length;
      const shift = side === 'left' ? length - values.length : 0;
      for (const [index, value] of values.entries()) data[start + shift + index] = BigInt(value);
    }
  const dims = planes === 1 ? [rows.length, length] : [planes, rows.length, length];
  return { type: 'int64', dims, data };
}
