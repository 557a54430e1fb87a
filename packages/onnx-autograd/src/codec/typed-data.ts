import type { ByteRange } from './byte-source.js';
import { type ElementType, elementTypes } from './element-types.js';
import { type WireReader, wireTypes } from './wire-reader.js';

/** float_data, int32_data, string_data, int64_data, double_data, uint64_data of TensorProto. */
export const typedDataFields: ReadonlySet<number> = new Set([4, 5, 6, 7, 10, 11]);

/** The field of TensorProto that holds elements of a type which are not in `raw_data`. */
export function typedDataField(type: ElementType): number {
  switch (type) {
    case 'float32':
    case 'complex64':
      return 4;
    case 'string':
      return 6;
    case 'int64':
      return 7;
    case 'float64':
    case 'complex128':
      return 10;
    case 'uint32':
    case 'uint64':
      return 11;
    default:
      // Everything else is widened to int32; 4- and 2-bit types keep a whole byte in each.
      return 5;
  }
}

/** Entries of its typed field that `count` elements take: complex numbers two each, 4-bit ones a half. */
export function typedEntryCount(type: ElementType, count: number): number {
  if (type === 'complex64' || type === 'complex128') return 2 * count;
  const { bits } = elementTypes[type];
  return bits > 0 && bits < 8 ? Math.ceil((count * bits) / 8) : count;
}

/** Sizes of the typed fields of one tensor, taken without reading them. */
export class TypedDataSize {
  /** By field number: entries that stand alone, and bytes of packed ones. */
  #sizes: Map<number, { entries: number; packedBytes: number }> | undefined;

  /** Counts one field, tag included. */
  add(reader: WireReader, field: number, wireType: number, range: ByteRange): void {
    this.#sizes ??= new Map();
    const size = this.#sizes.get(field) ?? { entries: 0, packedBytes: 0 };
    this.#sizes.set(field, size);
    if (field === 6 || wireType !== wireTypes.lengthDelimited) size.entries++;
    else {
      size.packedBytes += reader.within(range, (inner) => {
        inner.tag();
        return inner.length();
      });
    }
  }

  /**
   * What is wrong if these are the elements of a tensor, or `undefined`.
   *
   * Packed varints are not walked, as they may be weights: one byte to ten of them are an entry each.
   */
  problem(type: ElementType | undefined, count: number): string | undefined {
    if (type === undefined) return undefined;
    const field = typedDataField(type);
    const { entries, packedBytes } = this.#sizes?.get(field) ?? { entries: 0, packedBytes: 0 };
    const needed = typedEntryCount(type, count);
    const width = field === 4 ? 4 : field === 10 ? 8 : undefined;
    const [least, most] =
      width === undefined
        ? [Math.ceil(packedBytes / 10), packedBytes]
        : [packedBytes / width, packedBytes / width];
    if (entries + least <= needed && needed <= entries + most) return undefined;
    const held = least === most ? `${entries + least}` : `${entries + least} to ${entries + most}`;
    return `needs ${needed} entries of data and has ${held}`;
  }
}
