import { VlmError } from '../errors.js';
import { fromHalf, toHalf } from './float-formats.js';

/** Types of weights that an adapter can be merged into. */
export type MergeableType = 'float32' | 'float16';

/** Bytes of a weight in a file or in memory; the form in which onnx-autograd's codec holds them. */
export interface WeightBytes {
  readonly size: number;
  readonly path: string | undefined;
  read(offset: number, length: number): Uint8Array;
}

export interface MergedWeightOptions {
  /** Name for messages. */
  readonly name: string;
  readonly type: MergeableType;
  /** The weight as stored, row-major `[rows, columns]`. */
  readonly base: WeightBytes;
  readonly rows: number;
  readonly columns: number;
  readonly rank: number;
  /** `[rows, rank]` */
  readonly left: Float32Array;
  /** `[rank, columns]` */
  readonly right: Float32Array;
  readonly scaling: number;
}

/**
 * A weight with its branch added, computed piece by piece when it is read, so that merging a model of any size
 * takes the memory of one piece:
 *
 *   W′ = W + scaling · L R
 *
 * Sums are in float64 and rounded once to the weight's type.
 */
export class MergedWeight implements WeightBytes {
  readonly path: undefined = undefined;
  readonly size: number;
  readonly #options: MergedWeightOptions;
  readonly #width: number;

  constructor(options: MergedWeightOptions) {
    this.#options = options;
    this.#width = options.type === 'float32' ? 4 : 2;
    this.size = options.rows * options.columns * this.#width;
  }

  /** @throws {VlmError} `not-finite` if a merged number does not fit its type. */
  read(offset: number, length: number): Uint8Array {
    const width = this.#width;
    const first = Math.floor(offset / width);
    const end = Math.ceil((offset + length) / width);
    const bytes = this.#options.base.read(first * width, (end - first) * width).slice();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const { columns } = this.#options;
    for (let index = first; index < end; ) {
      const row = Math.floor(index / columns);
      const stop = Math.min(end, (row + 1) * columns);
      this.#addToRow(
        view,
        (index - first) * width,
        row,
        index - row * columns,
        stop - row * columns,
      );
      index = stop;
    }
    return bytes.subarray(offset - first * width, offset - first * width + length);
  }

  #addToRow(view: DataView, at: number, row: number, from: number, to: number): void {
    const { left, right, rank, columns, scaling, type, name } = this.#options;
    const sums = new Float64Array(to - from);
    for (let r = 0; r < rank; r++) {
      const factor = scaling * (left[row * rank + r] ?? 0);
      if (factor === 0) continue;
      const start = r * columns + from;
      for (let column = 0; column < sums.length; column++) {
        sums[column] = (sums[column] ?? 0) + factor * (right[start + column] ?? 0);
      }
    }
    for (let column = 0; column < sums.length; column++) {
      const place = at + column * this.#width;
      const sum = (sums[column] ?? 0) + readNumber(view, place, type);
      const merged = writeNumber(view, place, type, sum);
      if (Number.isFinite(merged)) continue;
      throw new VlmError(
        'not-finite',
        `Merging makes ${sum} of ${name}[${row}, ${from + column}], which ${type} cannot hold. Merge into a float32 model, or check the adapter.`,
      );
    }
  }
}

function readNumber(view: DataView, place: number, type: MergeableType): number {
  return type === 'float32' ? view.getFloat32(place, true) : fromHalf(view.getUint16(place, true));
}

/** @returns The number as it was rounded. */
function writeNumber(view: DataView, place: number, type: MergeableType, value: number): number {
  if (type === 'float32') {
    view.setFloat32(place, value, true);
    return view.getFloat32(place, true);
  }
  const bits = toHalf(value);
  view.setUint16(place, bits, true);
  return fromHalf(bits);
}
