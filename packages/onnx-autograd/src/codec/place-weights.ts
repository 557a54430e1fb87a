import { realpathSync } from 'node:fs';
import { relative, sep } from 'node:path';
import { type ByteRange, type ByteSource, FileSource } from './byte-source.js';
import { leaves } from './external-data.js';

/**
 * Tensors below this size are written inside the model: ONNX Runtime reads shapes and axes at load and
 * cannot when they are external. 64 KiB holds every shape and every norm weight of today's models.
 */
export const inlineBelowBytes: number = 64 * 1024;

/** Where the bytes of a tensor are to be found in an encoded model. */
export type Placement =
  | { readonly kind: 'inline' }
  | {
      readonly kind: 'external';
      /** Path relative to the folder of the encoded model, with `/`. */
      readonly location: string;
      readonly offset: number;
      /** Whether it is the file that the tensor was read from, so that its checksum still holds. */
      readonly isOriginal: boolean;
    };

/** Chooses the place of a tensor's bytes, given where they are. */
export type PlaceWeight = (range: ByteRange) => Placement;

const inline: Placement = { kind: 'inline' };

/** Places every tensor inside the model. */
export const placeInside: PlaceWeight = () => inline;

/**
 * Leaves tensors in the files that they lie in; those in memory or outside of `directory` go inside.
 *
 * @param belowBytes Smaller tensors go inside.
 * @throws {OnnxAutogradError} `file` if one of the files was changed since it was read.
 */
export function placeAsReferences(directory: string, belowBytes: number): PlaceWeight {
  const realDirectory = realpathSync(directory);
  const checked = new Set<ByteSource>();
  return ({ source, offset, length }) => {
    if (length < belowBytes || !(source instanceof FileSource)) return inline;
    if (leaves(source.path, realDirectory)) return inline;
    if (!checked.has(source)) source.assertUnchanged();
    checked.add(source);
    const location = relative(realDirectory, source.path).split(sep).join('/');
    return { kind: 'external', location, offset, isOriginal: true };
  };
}

/** Bytes of a data file that is to be written. */
export interface PlacedRange {
  readonly range: ByteRange;
  /** First byte in the data file. */
  readonly offset: number;
}

/** Starts of tensors in a data file are multiples of this, so that each can be mapped by itself. */
const alignment = 4096;

/** Lays tensors out in a new data file; tensors that share their bytes share their place. */
export class DataFileLayout {
  readonly ranges: PlacedRange[] = [];
  readonly #location: string;
  readonly #belowBytes: number;
  readonly #offsets = new Map<string, number>();
  readonly #sourceNumbers = new Map<ByteSource | string, number>();
  #end = 0;

  /**
   * @param location Path of the data file relative to the model.
   * @param belowBytes Smaller tensors go inside the model.
   */
  constructor(location: string, belowBytes: number) {
    this.#location = location;
    this.#belowBytes = belowBytes;
  }

  readonly place: PlaceWeight = (range) => {
    if (range.length < this.#belowBytes) return inline;
    const key = `${this.#numberOf(range.source)}:${range.offset}:${range.length}`;
    let offset = this.#offsets.get(key);
    if (offset === undefined) {
      offset = Math.ceil(this.#end / alignment) * alignment;
      this.#offsets.set(key, offset);
      this.ranges.push({ range, offset });
      this.#end = offset + range.length;
    }
    return { kind: 'external', location: this.#location, offset, isOriginal: false };
  };

  #numberOf(source: ByteSource): number {
    const key = source.path ?? source;
    const number = this.#sourceNumbers.get(key) ?? this.#sourceNumbers.size;
    this.#sourceNumbers.set(key, number);
    return number;
  }
}
