import { RlError } from '../errors.js';
import type { NamedArrays } from '../optimizers/types.js';

/** An entry of the safetensors header, as far as these files use it. */
interface Entry {
  readonly dtype: 'F32';
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

// Typed arrays are in the machine's byte order; the format is little-endian.
const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Named float32 arrays in the safetensors format, so that Python reads a checkpoint too. Arrays are vectors. */
export function encodeArrays(arrays: NamedArrays): Uint8Array {
  if (!isLittleEndian) {
    throw new RlError('file-system', 'Checkpoints are little-endian; this machine is not.');
  }
  const header: Record<string, Entry> = {};
  let end = 0;
  for (const [name, values] of Object.entries(arrays)) {
    header[name] = {
      dtype: 'F32',
      shape: [values.length],
      data_offsets: [end, end + values.byteLength],
    };
    end += values.byteLength;
  }
  const text = Buffer.from(JSON.stringify(header));
  // Spaces after the JSON keep the data at a multiple of 8 bytes.
  const padded = Math.ceil(text.length / 8) * 8;
  const bytes = Buffer.alloc(8 + padded + end, 0x20);
  bytes.writeBigUInt64LE(BigInt(padded), 0);
  text.copy(bytes, 8);
  let position = 8 + padded;
  for (const values of Object.values(arrays)) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), position);
    position += values.byteLength;
  }
  return bytes;
}

/** The inverse of `encodeArrays`. */
export function decodeArrays(bytes: Uint8Array): Record<string, Float32Array> {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const padded = Number(view.readBigUInt64LE(0));
  // Written by `encodeArrays`, and the manifest's hash has been compared.
  const header = JSON.parse(view.toString('utf8', 8, 8 + padded)) as Record<string, Entry>;
  const start = 8 + padded;
  return Object.fromEntries(
    Object.entries(header).map(
      ([
        name,
        {
          data_offsets: [from, to],
        },
      ]) => {
        const values = new Float32Array((to - from) / 4);
        new Uint8Array(values.buffer).set(view.subarray(start + from, start + to));
        return [name, values];
      },
    ),
  );
}
