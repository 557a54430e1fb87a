import { closeSync, openSync, readSync } from 'node:fs';
import { VlmError } from '../errors.js';
import type { WeightBytes } from './merged-weight.js';

/** A stretch of a file, opened anew for each read. */
export class FileBytes implements WeightBytes {
  /** Undefined, so that nobody refers to the file in place of what is made from it. */
  readonly path: undefined = undefined;
  readonly size: number;
  readonly #file: string;
  readonly #offset: number;

  constructor(file: string, offset: number, size: number) {
    this.#file = file;
    this.#offset = offset;
    this.size = size;
  }

  /** @throws {VlmError} `model-file` if the bytes are not there. */
  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let filled = 0;
    try {
      const descriptor = openSync(this.#file, 'r');
      try {
        while (filled < length) {
          const position = this.#offset + offset + filled;
          const count = readSync(descriptor, bytes, filled, length - filled, position);
          if (count === 0) break;
          filled += count;
        }
      } finally {
        closeSync(descriptor);
      }
    } catch (cause) {
      throw new VlmError('model-file', `Cannot read the weights in ${this.#file}.`, { cause });
    }
    if (filled === length) return bytes;
    throw new VlmError(
      'model-file',
      `${this.#file} ends before byte ${this.#offset + offset + length}; it is truncated.`,
    );
  }
}
