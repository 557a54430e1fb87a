import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { type DecoderOptions, resolveDecoderOptions } from './decoder-options.js';
import { roundedToFourBits } from './four-bit.js';
import { writeDecoder } from './generate-decoder.js';
import type { WeightSource } from './weight-source.js';
import { emptyStore } from './weight-store.js';

/** Elements that are made and written at once, 16 MiB. */
const pieceElements = 4 * 1024 * 1024;

/**
 * The weights of a generated decoder as numbers: by Hugging Face name, in Hugging Face's layout (a linear
 * layer is `[out, in]`). With `weights: 'q4'` they are what the 4-bit numbers stand for.
 */
export function decoderWeights(options: DecoderOptions): {
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly source: WeightSource;
} {
  const resolved = resolveDecoderOptions(options);
  const { weightShapes, fourBitWeights } = writeDecoder(resolved, emptyStore());
  const { source, blockSize } = resolved;
  return {
    shapes: weightShapes,
    source:
      fourBitWeights.size === 0
        ? source
        : roundedToFourBits(source, blockSize, (name) => fourBitWeights.has(name)),
  };
}

/**
 * Writes those weights to a safetensors file, a piece at a time, so that another program can run the same
 * model.
 *
 * @see https://github.com/huggingface/safetensors#format
 */
export function writeDecoderWeights(options: DecoderOptions, path: string): void {
  const { shapes, source } = decoderWeights(options);
  const header: Record<string, unknown> = {};
  let end = 0;
  for (const [name, shape] of shapes) {
    const start = end;
    end += 4 * shape.reduce((product, size) => product * size, 1);
    header[name] = { dtype: 'F32', shape, data_offsets: [start, end] };
  }
  // The header is padded with spaces so that the data starts at a multiple of 8.
  const text = JSON.stringify(header);
  const json = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const temporary = `${path}.${process.pid}.tmp`;
  const descriptor = openSync(temporary, 'w');
  const append = (bytes: Uint8Array): void => {
    for (let written = 0; written < bytes.length; ) {
      written += writeSync(descriptor, bytes, written, bytes.length - written);
    }
  };
  try {
    append(length);
    append(json);
    for (const [name, shape] of shapes) {
      const count = shape.reduce((product, size) => product * size, 1);
      for (let start = 0; start < count; start += pieceElements) {
        const piece = new Float32Array(Math.min(pieceElements, count - start));
        source(name, shape, start, piece);
        append(new Uint8Array(piece.buffer));
      }
    }
    closeSync(descriptor);
    renameSync(temporary, path);
  } catch (error) {
    closeSync(descriptor);
    rmSync(temporary, { force: true });
    throw error;
  }
}
