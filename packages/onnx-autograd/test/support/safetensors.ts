import { readFileSync } from 'node:fs';

/** A float32 array of a safetensors file, with its shape. */
export interface ReferenceArray {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** Reads every float32 array of a safetensors file. */
export function readSafetensors(path: string): ReadonlyMap<string, ReferenceArray> {
  const bytes = readFileSync(path);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + headerLength).toString()) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const arrays = new Map<string, ReferenceArray>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__' || entry.dtype !== 'F32') continue;
    const [start, end] = entry.data_offsets.map((offset) => offset + 8 + headerLength) as [
      number,
      number,
    ];
    const data = new Float32Array(new Uint8Array(bytes.subarray(start, end)).buffer);
    arrays.set(name, { dims: entry.shape, data });
  }
  return arrays;
}
