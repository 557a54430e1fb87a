import { writeFileSync } from 'node:fs';

/** An array of a safetensors file. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

/** Writes arrays to a safetensors file. @see https://github.com/huggingface/safetensors#format */
export function writeSafetensors(path: string, tensors: readonly NamedTensor[]): void {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let end = 0;
  for (const { name, shape, data } of tensors) {
    const start = end;
    end += data.byteLength;
    const dtype = data instanceof Float32Array ? 'F32' : 'I64';
    header[name] = { dtype, shape, data_offsets: [start, end] };
  }
  // Padded with spaces so that the data starts at a multiple of 8.
  const text = JSON.stringify(header);
  const json = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const parts = tensors.map(({ data }) =>
    Buffer.from(data.buffer, data.byteOffset, data.byteLength),
  );
  writeFileSync(path, Buffer.concat([length, json, ...parts]));
}
