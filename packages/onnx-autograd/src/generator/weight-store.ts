import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { type ElementType, elementTypes } from '../codec/element-types.js';
import type { Tensor } from '../codec/model.js';
import { inlineBelowBytes } from '../codec/place-weights.js';
import { makeRawTensor } from '../codec/tensor-values.js';

/** External data starts at multiples of this, so that ONNX Runtime can map it. */
const alignment = 4096;

/** Takes weights one at a time. */
export interface WeightStore {
  /** @param bytes Makes the little-endian elements; not called by a store that only lists weights. */
  add(name: string, type: ElementType, dims: readonly number[], bytes: () => Uint8Array): Tensor;
  /** Finishes the file, if there is one. */
  close(): void;
  /** Removes what was written so far. */
  abandon(): void;
}

/** Keeps weights in memory. */
export function memoryStore(): WeightStore {
  return {
    add: (name, type, dims, bytes) => makeRawTensor(name, type, dims, bytes()),
    close: () => {},
    abandon: () => {},
  };
}

/** Makes no weights at all: for finding out which ones a model has. */
export function emptyStore(): WeightStore {
  const add = (name: string, type: ElementType, dims: readonly number[]): Tensor =>
    makeRawTensor(name, type, dims, new Uint8Array());
  return { add, close: () => {}, abandon: () => {} };
}

/**
 * Writes weights to a file as they come, so that only one is in memory at a time; small ones go into the
 * model. The file gets its name when it is closed.
 */
export function fileStore(path: string): WeightStore {
  const temporary = `${path}.${process.pid}.tmp`;
  const descriptor = openSync(temporary, 'w');
  let position = 0;
  let hasData = false;
  let isOpen = true;
  const finish = (): void => {
    if (isOpen) closeSync(descriptor);
    isOpen = false;
  };
  return {
    add: (name, type, dims, make) => {
      const bytes = make();
      if (bytes.length < inlineBelowBytes) return makeRawTensor(name, type, dims, bytes);
      hasData = true;
      const offset = Math.ceil(position / alignment) * alignment;
      let written = 0;
      while (written < bytes.length) {
        const rest = bytes.length - written;
        written += writeSync(descriptor, bytes, written, rest, offset + written);
      }
      position = offset + bytes.length;
      const data = {
        kind: 'external',
        location: basename(path),
        offset,
        length: bytes.length,
        entries: new Map<string, string>(),
      } as const;
      return { name, type, typeCode: elementTypes[type].code, dims, data, other: [] };
    },
    close: () => {
      fsyncSync(descriptor);
      finish();
      if (hasData) renameSync(temporary, path);
      else rmSync(temporary);
    },
    abandon: () => {
      finish();
      rmSync(temporary, { force: true });
    },
  };
}
